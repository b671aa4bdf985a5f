// Owns option checks and the threads a session's own pool is made of.

#include "host/ort_options.h"

#include <thread>

#include "host/denormals.h"
#include "host/failure.h"
#include "host/thread_priority.h"

namespace redline {

namespace {

constexpr const char* kOption = "PROVIDER_OPTION";
// More threads than any machine in reach has cores: a typing error, not a wish.
constexpr std::int64_t kMostThreads = 256;

// Entries that make the library keep the caller's bytes instead of copying them; those may go after the open.
constexpr const char* kRefusedEntries[] = {
    "session.use_ort_model_bytes_directly",
    "session.use_ort_model_bytes_for_initializers",
};

Criticality kClasses[kCriticalities] = {Criticality::critical, Criticality::interactive, Criticality::background};

const ort::CustomThread* create_pool_thread(void* criticality, ort::ThreadWork* work, void* parameter) {
  auto* thread = new std::thread([criticality = *static_cast<Criticality*>(criticality), work, parameter] {
    name_thread("redline-pool");
    enter_class(criticality);
    flush_denormals();
    work(parameter);
  });
  return reinterpret_cast<const ort::CustomThread*>(thread);
}

void join_pool_thread(const ort::CustomThread* handle) {
  auto* thread = reinterpret_cast<std::thread*>(const_cast<ort::CustomThread*>(handle));
  thread->join();
  delete thread;
}

int optimization_level(const std::string& name) {
  if (name == "disabled") return ort::kOptimizeNone;
  if (name == "basic") return ort::kOptimizeBasic;
  if (name == "extended") return ort::kOptimizeExtended;
  if (name == "all") return ort::kOptimizeAll;
  throw Failure(kOption, "graphOptimization: expected disabled, basic, extended or all, received " + name);
}

void add_entry(ort::SessionOptions* handle, const std::string& key, const std::string& value) {
  OrtError error;
  if (!OrtLibrary::get().call<ort::AddSessionConfigEntry>(&error, handle, key.c_str(), value.c_str())) {
    throw Failure(kOption, "configEntries[\"" + key + "\"]: " + error.message);
  }
}

void set_threads(ort::SessionOptions* handle, const OrtOptions& options, Criticality criticality) {
  const OrtLibrary& ort = OrtLibrary::get();
  const std::int64_t threads = options.intra_op_threads;
  if (threads < 1 || threads > kMostThreads) {
    throw Failure(kOption, "intraOpThreads: expected 1 to 256, received " + std::to_string(threads));
  }
  ort.require<ort::SetIntraOpNumThreads>(kOption, handle, static_cast<int>(threads));
  ort.require<ort::SetInterOpNumThreads>(kOption, handle, 1);
  ort.require<ort::SetSessionExecutionMode>(kOption, handle, int{ort::kSequential});
  const char* spinning = options.is_spinning ? "1" : "0";
  add_entry(handle, "session.intra_op.allow_spinning", spinning);
  add_entry(handle, "session.inter_op.allow_spinning", "0");
  if (threads == 1) return;
  Criticality* pool_class = &kClasses[static_cast<int>(criticality)];
  ort.require<ort::SessionOptionsSetCustomCreateThreadFn>(kOption, handle, create_pool_thread);
  ort.require<ort::SessionOptionsSetCustomThreadCreationOptions>(kOption, handle, static_cast<void*>(pool_class));
  ort.require<ort::SessionOptionsSetCustomJoinThreadFn>(kOption, handle, join_pool_thread);
}

void set_memory(ort::SessionOptions* handle, const OrtOptions& options) {
  const OrtLibrary& ort = OrtLibrary::get();
  if (options.has_cpu_mem_arena.has_value()) {
    if (*options.has_cpu_mem_arena) {
      ort.require<ort::EnableCpuMemArena>(kOption, handle);
    } else {
      ort.require<ort::DisableCpuMemArena>(kOption, handle);
    }
  }
  if (options.has_mem_pattern.has_value()) {
    if (*options.has_mem_pattern) {
      ort.require<ort::EnableMemPattern>(kOption, handle);
    } else {
      ort.require<ort::DisableMemPattern>(kOption, handle);
    }
  }
}

}  // namespace

OrtSessionOptionsHandle make_session_options(const OrtOptions& options, Criticality criticality) {
  const OrtLibrary& ort = OrtLibrary::get();
  ort::SessionOptions* raw = nullptr;
  ort.require<ort::CreateSessionOptions>(kOption, &raw);
  OrtSessionOptionsHandle handle(raw);
  ort.require<ort::SetSessionLogSeverityLevel>(kOption, raw, int{ort::kLogFatal});
  ort.require<ort::SetSessionGraphOptimizationLevel>(kOption, raw, optimization_level(options.graph_optimization));
  set_threads(raw, options, criticality);
  set_memory(raw, options);
  for (const auto& [name, size] : options.free_dimensions) {
    if (size < 1) {
      throw Failure(kOption, "freeDimensions." + name + ": expected 1 or more, received " + std::to_string(size));
    }
    ort.require<ort::AddFreeDimensionOverrideByName>(kOption, raw, name.c_str(), size);
  }
  for (const auto& [key, value] : options.config_entries) {
    for (const char* refused : kRefusedEntries) {
      if (key == refused) throw Failure(kOption, "configEntries[\"" + key + "\"]: model bytes are not kept after the open");
    }
    add_entry(raw, key, value);
  }
  if (!options.optimized_model_path.empty()) {
    ort.require<ort::SetOptimizedModelFilePath>(kOption, raw, ort_path(options.optimized_model_path).c_str());
  }
  if (!options.profile_prefix.empty()) {
    ort.require<ort::EnableProfiling>(kOption, raw, ort_path(options.profile_prefix).c_str());
  }
  return handle;
}

}  // namespace redline
