// Owns the reading of JavaScript values into host types and the making of errors with a code.
// Knows no host state. Invariant: a value of the wrong kind throws PROVIDER_OPTION or INPUT_*, never a crash.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "host/failure.h"
#include "host/outcome.h"
#include "host/tensor.h"

namespace redline::js {

Napi::Error make_error(Napi::Env env, const char* code, const std::string& message);
Napi::Error make_error(Napi::Env env, const Failure& failure);

/// A whole time in microseconds; infinities become the ends of the range, NaN becomes 0.
std::int64_t time_from(double value) noexcept;

/// A typed array's memory, whatever buffer it lies on.
struct View {
  napi_typedarray_type type;
  std::size_t length;
  void* data;
  bool is_shared;
};
bool read_view(napi_env env, napi_value value, View* view) noexcept;

std::string read_string(Napi::Value value, const char* option);
std::int64_t read_integer(Napi::Value value, const char* option);
bool read_boolean(Napi::Value value, const char* option);

Dtype read_dtype(Napi::Value value);
Criticality read_criticality(Napi::Value value);
/// `kind` says what the binding is for in messages.
Binding read_binding(Napi::Value value, const std::string& kind);

Napi::Value write_spec(Napi::Env env, const TensorSpec& spec);
Napi::Value write_output(Napi::Env env, const OutputCopy& copy);

}  // namespace redline::js
