// Owns the five requests of the child.

#include "child/worker.h"

#include <cstring>
#include <utility>

#include "host/clock.h"
#include "host/denormals.h"
#include "host/failure.h"
#include "host/ort_graph.h"
#include "host/ort_library.h"
#include "host/resident_memory.h"

#if defined(_WIN32)
#include <process.h>
#else
#include <unistd.h>
#endif

namespace redline::child {

namespace {

constexpr const char* kRequest = "PROVIDER_OPTION";
// The alignment ONNX Runtime gives its own tensors.
constexpr std::int64_t kAlignment = 64;
constexpr Dtype kDtypes[] = {Dtype::float32, Dtype::float16, Dtype::int8,    Dtype::uint8,
                             Dtype::int32,   Dtype::int64,   Dtype::boolean, Dtype::string};

std::int64_t own_process_id() {
#if defined(_WIN32)
  return _getpid();
#else
  return getpid();
#endif
}

Line reply(const char* verb, const Line& request) { return Line{verb, request.id, {}}; }

const std::string& require_field(const Line& line, const char* name) {
  const std::string* value = line.find(name);
  if (value == nullptr) throw Failure(kRequest, line.verb + ": expected a field " + name);
  return *value;
}

std::vector<std::string> require_list(const std::string& value, std::size_t least) {
  std::vector<std::string> parts = split_list(value);
  if (parts.size() < least) throw Failure(kRequest, "expected a list of at least " + std::to_string(least));
  return parts;
}

Dtype dtype_of(const std::string& name) {
  for (const Dtype dtype : kDtypes) {
    if (name == dtype_name(dtype)) return dtype;
  }
  throw Failure(kRequest, "unknown element type " + name);
}

OrtOptions options_of(const Line& request) {
  OrtOptions options;
  for (const auto& [name, value] : request.fields) {
    if (name == "threads") {
      options.intra_op_threads = parse_number(value, 1);
    } else if (name == "spin") {
      options.is_spinning = value == "1";
    } else if (name == "level") {
      options.graph_optimization = value;
    } else if (name == "arena") {
      options.has_cpu_mem_arena = value == "1";
    } else if (name == "pattern") {
      options.has_mem_pattern = value == "1";
    } else if (name == "optimized") {
      options.optimized_model_path = value;
    } else if (name == "dimension") {
      const std::vector<std::string> parts = require_list(value, 2);
      options.free_dimensions.emplace_back(parts[0], parse_number(parts[1], 1));
    } else if (name == "entry") {
      const std::vector<std::string> parts = require_list(value, 2);
      options.config_entries.emplace_back(parts[0], parts[1]);
    }
  }
  return options;
}

std::string describe(const TensorSpec& spec) {
  std::vector<std::string> parts{spec.name, dtype_name(spec.dtype)};
  for (const Dimension& dimension : spec.shape) {
    parts.push_back(dimension.is_static() ? std::to_string(dimension.size) : "~" + dimension.name);
  }
  return join_list(parts);
}

}  // namespace

Line Worker::answer(const Line& request) {
  if (request.verb == "start") return start(request);
  if (memory_ == nullptr) throw Failure(kRequest, "expected start before " + request.verb);
  if (request.verb == "open") return open(request);
  if (request.verb == "run") return run(request);
  if (request.verb == "close") return close(request);
  if (request.verb == "memory") return memory(request);
  throw Failure(kRequest, "unknown request " + request.verb);
}

Line Worker::start(const Line& request) {
  const auto bytes = static_cast<std::size_t>(parse_number(require_field(request, "bytes"), 1));
  memory_ = SharedMemory::attach(require_field(request, "memory"), bytes);
  const auto version = static_cast<std::uint32_t>(parse_number(require_field(request, "api"), 1));
  const OrtLibrary& library = OrtLibrary::load(require_field(request, "library"), version);
  Line answer = reply("ready", request);
  answer.add("interface", std::to_string(kInterface));
  answer.add("ort", library.version());
  return answer;
}

Line Worker::open(const Line& request) {
  OrtSource source;
  if (const std::string* range = request.find("bytes")) {
    const std::vector<std::string> parts = require_list(*range, 2);
    const std::int64_t length = parse_number(parts[1], 1);
    source.bytes = shared(parse_number(parts[0], 0), length);
    source.length = static_cast<std::size_t>(length);
    // Shared memory, mapped for as long as this process lives.
    source.is_lasting = true;
  } else {
    source.path = require_field(request, "path");
  }
  OpenCancellation cancellation;
  std::unique_ptr<Graph> graph = open_ort_graph(source, options_of(request), Criticality::background, 1, &cancellation);
  Line answer = reply("opened", request);
  answer.add("session", std::to_string(next_graph_));
  for (const TensorSpec& spec : graph->inputs()) answer.add("input", describe(spec));
  for (const TensorSpec& spec : graph->outputs()) answer.add("output", describe(spec));
  graphs_[next_graph_++] = std::move(graph);
  return answer;
}

Line Worker::run(const Line& request) {
  Graph& graph = graph_of(request);
  std::vector<Binding> inputs;
  for (const auto& [name, value] : request.fields) {
    if (name != "input") continue;
    const std::vector<std::string> parts = require_list(value, 3);
    Binding binding;
    binding.dtype = dtype_of(parts[0]);
    if (binding.dtype == Dtype::string) throw Failure(kRequest, "strings do not travel in shared memory");
    const std::int64_t bytes = parse_number(parts[2], 0);
    binding.data = shared(parse_number(parts[1], 0), bytes);
    binding.bytes = static_cast<std::size_t>(bytes);
    for (std::size_t i = 3; i < parts.size(); ++i) binding.shape.push_back(parse_number(parts[i], 0));
    inputs.push_back(std::move(binding));
  }
  if (inputs.size() != graph.inputs().size()) {
    throw Failure("INPUT_MISSING", "expected " + std::to_string(graph.inputs().size()) + " inputs, received " +
                                       std::to_string(inputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) require_fit(graph.inputs()[i], inputs[i]);
  std::vector<Binding> outputs(graph.outputs().size());
  for (Binding& output : outputs) output.is_lent = false;
  graph.bind(0, std::move(inputs), std::move(outputs));

  std::string message;
  const std::int64_t started_us = now_us();
  pulse_->arm(&graph, started_us + parse_number(require_field(request, "limitUs"), 1));
  const bool is_done = [&] {
    const DenormalsFlushed scope;
    return graph.run(0, &message);
  }();
  const bool is_stopped = pulse_->disarm();
  const std::int64_t ended_us = now_us();
  graph.clear_stop(0);
  if (!is_done && is_stopped) throw Failure("MODEL_TIMEOUT", "the run was stopped at its limit");
  if (!is_done) throw Failure("PROVIDER_FAILED", message);

  Line answer = reply("ran", request);
  answer.add("us", std::to_string(ended_us - started_us));
  answer.add("finite", graph.has_non_finite_output(0) ? "0" : "1");
  std::int64_t offset = parse_number(require_field(request, "outputs"), 0);
  for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
    const OutputCopy copy = graph.copy_output(0, i);
    const auto bytes = static_cast<std::int64_t>(copy.bytes.size());
    if (copy.dtype != Dtype::string) std::memcpy(shared(offset, bytes), copy.bytes.data(), copy.bytes.size());
    std::vector<std::string> parts{dtype_name(copy.dtype), std::to_string(offset), std::to_string(bytes)};
    for (const std::int64_t size : copy.shape) parts.push_back(std::to_string(size));
    answer.add("output", join_list(parts));
    offset += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
  graph.unbind(0);
  return answer;
}

Line Worker::close(const Line& request) {
  graphs_.erase(parse_number(require_field(request, "session"), 1));
  return reply("closed", request);
}

Line Worker::memory(const Line& request) {
  Line answer = reply("memory", request);
  answer.add("bytes", std::to_string(resident_bytes(own_process_id())));
  return answer;
}

Graph& Worker::graph_of(const Line& request) {
  const auto found = graphs_.find(parse_number(require_field(request, "session"), 1));
  if (found == graphs_.end()) throw Failure("SESSION_CLOSED", "the child has no such session");
  return *found->second;
}

std::uint8_t* Worker::shared(std::int64_t offset, std::int64_t bytes) {
  const auto size = static_cast<std::int64_t>(memory_->bytes());
  if (offset > size || bytes > size - offset) {
    throw Failure("MODEL_MEMORY", "the tensors of a trial: expected at most " + std::to_string(size) +
                                      " bytes of shared memory, received a range of " + std::to_string(bytes) +
                                      " at " + std::to_string(offset));
  }
  return memory_->data() + offset;
}

}  // namespace redline::child
