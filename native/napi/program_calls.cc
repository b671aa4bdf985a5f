// Owns networkSets and runNetwork. Invariant: whatever JavaScript passes, a step reads and writes inside the arena only.

#include "napi/program_calls.h"

#include <string>

#include "host/failure.h"
#include "napi/read_value.h"

namespace redline::js {

namespace {

View require_view(Napi::Value value, const char* name, napi_typedarray_type type) {
  View view{};
  if (!read_view(value.Env(), value, &view) || view.type != type) {
    throw Failure("OP_ARGUMENT", std::string(name) + ": expected a typed array of another kind");
  }
  return view;
}

/// `runNetwork(set, words, weights, arena)`.
Napi::Value run_network(const Napi::CallbackInfo& info) {
  try {
    const ops::NetworkSet& set = read_network_set(info[0]);
    const View arena = require_view(info[3], "arena", napi_float32_array);
    const Program program(read_program_image(info[1], info[2], arena.length), set);
    program.run(static_cast<float*>(arena.data));
    return info.Env().Undefined();
  } catch (const Failure& failure) {
    throw make_error(info.Env(), failure);
  }
}

}  // namespace

const ops::NetworkSet& read_network_set(Napi::Value value) {
  const auto& sets = ops::network_sets();
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (number == static_cast<double>(i)) return *sets[i];
  }
  throw Failure("OP_ARGUMENT", "set: expected a whole number below " + std::to_string(sets.size()));
}

std::vector<std::int32_t> read_words(Napi::Value value, const char* name) {
  const View view = require_view(value, name, napi_int32_array);
  const auto* words = static_cast<const std::int32_t*>(view.data);
  return std::vector<std::int32_t>(words, words + view.length);
}

ProgramImage read_program_image(Napi::Value words, Napi::Value weights, std::size_t arena_floats) {
  const View view = require_view(weights, "weights", napi_float32_array);
  const auto* floats = static_cast<const float*>(view.data);
  return ProgramImage{read_words(words, "words"), std::vector<float>(floats, floats + view.length), arena_floats};
}

void define_program_calls(Napi::Env env, Napi::Object exports) {
  Napi::Array names = Napi::Array::New(env);
  for (const ops::NetworkSet* set : ops::network_sets()) names.Set(names.Length(), set->name);
  exports.Set("networkSets", names);
  exports.Set("runNetwork", Napi::Function::New(env, run_network, "runNetwork"));
}

}  // namespace redline::js
