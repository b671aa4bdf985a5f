// Owns the field-by-field reading of NativeOpenRequest of runtime/bindings/addon.ts.

#include "napi/open_request.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "host/failure.h"
#include "napi/program_calls.h"
#include "napi/read_value.h"
#include "program/program_graph.h"

namespace redline::js {

namespace {

// LIMITS.slotsPerSession of runtime/core/limits.ts.
constexpr std::int64_t kMostSlots = 64;
// More lanes of one class than any machine in reach has cores.
constexpr std::int64_t kMostLanes = 64;

using ReadField = std::function<void(const std::string& name, Napi::Value value)>;

[[noreturn]] void refuse(const std::string& what) { throw Failure("PROVIDER_OPTION", what); }

/// Calls `read` for every property that is not undefined.
void for_each_field(Napi::Value value, const std::string& what, const ReadField& read) {
  if (!value.IsObject()) refuse(what + ": expected an object");
  const Napi::Object object = value.As<Napi::Object>();
  const Napi::Array names = object.GetPropertyNames();
  for (std::uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).As<Napi::String>().Utf8Value();
    const Napi::Value field = object.Get(name);
    if (!field.IsUndefined()) read(name, field);
  }
}

OrtOptions read_ort_options(Napi::Value value) {
  OrtOptions options;
  for_each_field(value, "ort", [&options](const std::string& name, Napi::Value field) {
    const char* option = name.c_str();
    if (name == "intraOpThreads") {
      options.intra_op_threads = read_integer(field, option);
    } else if (name == "spin") {
      options.is_spinning = read_boolean(field, option);
    } else if (name == "graphOptimization") {
      options.graph_optimization = read_string(field, option);
    } else if (name == "cpuMemArena") {
      options.has_cpu_mem_arena = read_boolean(field, option);
    } else if (name == "memPattern") {
      options.has_mem_pattern = read_boolean(field, option);
    } else if (name == "freeDimensions") {
      for_each_field(field, name, [&options](const std::string& dimension, Napi::Value size) {
        options.free_dimensions.emplace_back(dimension, read_integer(size, dimension.c_str()));
      });
    } else if (name == "configEntries") {
      for_each_field(field, name, [&options](const std::string& key, Napi::Value entry) {
        options.config_entries.emplace_back(key, read_string(entry, key.c_str()));
      });
    } else if (name == "optimizedModelPath") {
      options.optimized_model_path = read_string(field, option);
    } else if (name == "profilePrefix") {
      options.profile_prefix = read_string(field, option);
    } else {
      refuse("ort: unknown option " + name);
    }
  });
  return options;
}

std::vector<TensorSpec> read_specs(Napi::Value value, const std::string& what) {
  if (!value.IsArray()) refuse(what + ": expected an array");
  std::vector<TensorSpec> specs;
  const Napi::Array array = value.As<Napi::Array>();
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value entry = array.Get(i);
    if (!entry.IsObject()) refuse(what + ": expected tensors with name, dtype and shape");
    const Napi::Object object = entry.As<Napi::Object>();
    TensorSpec spec;
    spec.name = read_string(object.Get("name"), what.c_str());
    spec.dtype = read_dtype(object.Get("dtype"));
    const Napi::Value shape = object.Get("shape");
    if (!shape.IsArray()) refuse(what + ": expected a shape");
    const Napi::Array sizes = shape.As<Napi::Array>();
    for (std::uint32_t j = 0; j < sizes.Length(); ++j) {
      const Napi::Value size = sizes.Get(j);
      if (size.IsString()) {
        spec.shape.push_back(Dimension{-1, size.As<Napi::String>().Utf8Value()});
      } else {
        const std::int64_t number = read_integer(size, what.c_str());
        if (number < 0) refuse(what + ": expected dimensions of 0 or more");
        spec.shape.push_back(Dimension{number, {}});
      }
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

NullOptions read_null_options(Napi::Value value) {
  NullOptions options;
  options.inputs.push_back(TensorSpec{"input", Dtype::float32, {Dimension{1, {}}}});
  options.outputs.push_back(TensorSpec{"output", Dtype::float32, {Dimension{1, {}}}});
  if (value.IsUndefined()) return options;
  for_each_field(value, "null", [&options](const std::string& name, Napi::Value field) {
    const char* option = name.c_str();
    if (name == "busyUs") {
      options.busy_us = read_integer(field, option);
    } else if (name == "nodeUs") {
      options.node_us = read_integer(field, option);
    } else if (name == "failEvery") {
      options.fail_every = read_integer(field, option);
    } else if (name == "inputs") {
      options.inputs = read_specs(field, name);
    } else if (name == "outputs") {
      options.outputs = read_specs(field, name);
    } else {
      refuse("null: unknown option " + name);
    }
  });
  return options;
}

std::function<std::unique_ptr<Graph>(std::size_t)> read_program(Napi::Value value) {
  if (!value.IsObject()) refuse("program: expected an object");
  const Napi::Object object = value.As<Napi::Object>();
  constexpr std::int64_t kMostArenaFloats = 1 << 24;
  const std::int64_t arena = read_integer(object.Get("arenaFloats"), "arenaFloats");
  if (arena < 0 || arena > kMostArenaFloats) refuse("arenaFloats: expected 0 to " + std::to_string(kMostArenaFloats));
  auto options = std::make_shared<ProgramOptions>();
  options->set = &read_network_set(object.Get("set"));
  options->image = read_program_image(object.Get("words"), object.Get("weights"), static_cast<std::size_t>(arena));
  options->inputs = read_specs(object.Get("inputs"), "inputs");
  options->outputs = read_specs(object.Get("outputs"), "outputs");
  options->input_places = read_words(object.Get("inputPlaces"), "inputPlaces");
  options->output_places = read_words(object.Get("outputPlaces"), "outputPlaces");
  return [options](std::size_t slots) { return make_program_graph(*options, slots); };
}

std::int64_t read_between(Napi::Value value, const char* option, std::int64_t least, std::int64_t most) {
  const std::int64_t number = read_integer(value, option);
  if (number < least || number > most) {
    refuse(std::string(option) + ": expected " + std::to_string(least) + " to " + std::to_string(most) +
           ", received " + std::to_string(number));
  }
  return number;
}

OrtSource read_source(const Napi::Object& object) {
  OrtSource source;
  const Napi::Value path = object.Get("path");
  const Napi::Value bytes = object.Get("bytes");
  if (path.IsUndefined() == bytes.IsUndefined()) refuse("expected exactly one of path and bytes");
  if (!path.IsUndefined()) {
    source.path = read_string(path, "path");
    if (source.path.empty()) refuse("path: expected a file");
    return source;
  }
  View view{};
  if (!read_view(object.Env(), bytes, &view) || view.type != napi_uint8_array) {
    refuse("bytes: expected a Uint8Array");
  }
  if (view.length == 0) throw Failure("MODEL_LOAD_FAILED", "the model has no bytes");
  source.bytes = view.data;
  source.length = view.length;
  const Napi::Value lasting = object.Get("areBytesLasting");
  source.is_lasting = !lasting.IsUndefined() && read_boolean(lasting, "areBytesLasting");
  return source;
}

}  // namespace

OpenRequest read_open_request(Napi::Value value) {
  if (!value.IsObject()) refuse("expected an open request");
  const Napi::Object object = value.As<Napi::Object>();
  OpenRequest request;
  const std::string provider = read_string(object.Get("provider"), "provider");
  if (provider != "ort" && provider != "null" && provider != "program") {
    refuse("provider: expected ort, program or null, received " + provider);
  }
  request.is_null = provider == "null";
  request.criticality = read_criticality(object.Get("criticality"));
  request.lane_index =
      static_cast<std::int32_t>(read_between(object.Get("laneIndex"), "laneIndex", 0, kMostLanes - 1));
  request.slots = static_cast<std::size_t>(read_between(object.Get("slots"), "slots", 1, kMostSlots));
  if (request.is_null) {
    request.null = read_null_options(object.Get("null"));
    return request;
  }
  if (provider == "program") {
    request.make = read_program(object.Get("program"));
    return request;
  }
  request.source = read_source(object);
  const Napi::Value ort = object.Get("ort");
  if (!ort.IsUndefined()) request.ort = read_ort_options(ort);
  return request;
}

}  // namespace redline::js
