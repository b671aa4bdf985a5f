// Owns the translation of tensors, numbers and strings between JavaScript and the host.

#include "napi/read_value.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace redline::js {

namespace {

constexpr Dtype kDtypes[] = {Dtype::float32, Dtype::float16, Dtype::int8,    Dtype::uint8,
                             Dtype::int32,   Dtype::int64,   Dtype::boolean, Dtype::string};

bool carries(Dtype dtype, napi_typedarray_type type) noexcept {
  switch (dtype) {
    case Dtype::float32:
      return type == napi_float32_array;
    case Dtype::float16:
      return type == napi_uint16_array;
    case Dtype::int8:
      return type == napi_int8_array;
    case Dtype::uint8:
    case Dtype::boolean:
      return type == napi_uint8_array || type == napi_uint8_clamped_array;
    case Dtype::int32:
      return type == napi_int32_array;
    case Dtype::int64:
      return type == napi_bigint64_array;
    case Dtype::string:
      break;
  }
  return false;
}

napi_typedarray_type array_type(Dtype dtype) noexcept {
  switch (dtype) {
    case Dtype::float16:
      return napi_uint16_array;
    case Dtype::int8:
      return napi_int8_array;
    case Dtype::uint8:
    case Dtype::boolean:
      return napi_uint8_array;
    case Dtype::int32:
      return napi_int32_array;
    case Dtype::int64:
      return napi_bigint64_array;
    default:
      return napi_float32_array;
  }
}

std::size_t element_bytes(napi_typedarray_type type) noexcept {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    default:
      return 8;
  }
}

Napi::Array write_shape(Napi::Env env, const std::vector<std::int64_t>& shape) {
  Napi::Array array = Napi::Array::New(env, shape.size());
  for (std::uint32_t i = 0; i < shape.size(); ++i) array.Set(i, static_cast<double>(shape[i]));
  return array;
}

}  // namespace

Napi::Error make_error(Napi::Env env, const char* code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

Napi::Error make_error(Napi::Env env, const Failure& failure) {
  return make_error(env, failure.code(), failure.what());
}

std::int64_t time_from(double value) noexcept {
  // Doubles beyond 2^63 do not fit; no clock reaches a hundredth of it.
  constexpr double kFar = 9.2e18;
  if (std::isnan(value)) return 0;
  if (value >= kFar) return std::numeric_limits<std::int64_t>::max();
  if (value <= -kFar) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(value);
}

bool read_view(napi_env env, napi_value value, View* view) noexcept {
  bool is_view = false;
  if (napi_is_typedarray(env, value, &is_view) != napi_ok || !is_view) return false;
  napi_value buffer = nullptr;
  std::size_t offset = 0;
  if (napi_get_typedarray_info(env, value, &view->type, &view->length, &view->data, &buffer, &offset) != napi_ok) {
    return false;
  }
  bool is_unshared = false;
  if (napi_is_arraybuffer(env, buffer, &is_unshared) != napi_ok) return false;
  view->is_shared = !is_unshared;
  return true;
}

std::string read_string(Napi::Value value, const char* option) {
  if (!value.IsString()) throw Failure("PROVIDER_OPTION", std::string(option) + ": expected a string");
  return value.As<Napi::String>().Utf8Value();
}

std::int64_t read_integer(Napi::Value value, const char* option) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (!(std::abs(number) <= 9007199254740991.0) || number != std::floor(number)) {
    throw Failure("PROVIDER_OPTION", std::string(option) + ": expected a whole number");
  }
  return static_cast<std::int64_t>(number);
}

bool read_boolean(Napi::Value value, const char* option) {
  if (!value.IsBoolean()) throw Failure("PROVIDER_OPTION", std::string(option) + ": expected true or false");
  return value.As<Napi::Boolean>().Value();
}

Criticality read_criticality(Napi::Value value) {
  const std::string name = read_string(value, "criticality");
  if (name == "critical") return Criticality::critical;
  if (name == "interactive") return Criticality::interactive;
  if (name == "background") return Criticality::background;
  throw Failure("PROVIDER_OPTION",
                "criticality: expected critical, interactive or background, received " + name);
}

Dtype read_dtype(Napi::Value value) {
  const std::string name = value.IsString() ? value.As<Napi::String>().Utf8Value() : "none";
  for (const Dtype dtype : kDtypes) {
    if (name == dtype_name(dtype)) return dtype;
  }
  throw Failure("INPUT_DTYPE", "expected float32, float16, int8, uint8, int32, int64, bool or string, received " + name);
}

Binding read_binding(Napi::Value value, const std::string& kind) {
  if (!value.IsObject()) throw Failure("INPUT_MISSING", kind + ": expected an object with dtype, data and shape");
  const Napi::Object object = value.As<Napi::Object>();
  Binding binding;
  binding.dtype = read_dtype(object.Get("dtype"));
  const Napi::Value shape = object.Get("shape");
  if (!shape.IsArray()) throw Failure("INPUT_SHAPE", kind + ": expected a shape");
  const Napi::Array sizes = shape.As<Napi::Array>();
  for (std::uint32_t i = 0; i < sizes.Length(); ++i) {
    const Napi::Value size = sizes.Get(i);
    const double number = size.IsNumber() ? size.As<Napi::Number>().DoubleValue() : -1;
    if (!(number >= 0) || number != std::floor(number) || number > 9007199254740991.0) {
      throw Failure("INPUT_SHAPE", kind + ": expected whole dimensions of 0 or more");
    }
    binding.shape.push_back(static_cast<std::int64_t>(number));
  }
  const Napi::Value data = object.Get("data");
  if (binding.dtype == Dtype::string) {
    if (!data.IsArray()) throw Failure("INPUT_DTYPE", kind + ": expected an array of strings");
    const Napi::Array strings = data.As<Napi::Array>();
    for (std::uint32_t i = 0; i < strings.Length(); ++i) {
      const Napi::Value text = strings.Get(i);
      if (!text.IsString()) throw Failure("INPUT_DTYPE", kind + ": expected an array of strings");
      binding.strings.push_back(text.As<Napi::String>().Utf8Value());
    }
    return binding;
  }
  View view{};
  if (!read_view(object.Env(), data, &view) || !carries(binding.dtype, view.type)) {
    throw Failure("INPUT_DTYPE", kind + ": expected the typed array that carries " + dtype_name(binding.dtype));
  }
  if (view.data == nullptr && element_count(binding.shape) > 0) {
    throw Failure("INPUT_SLOT", kind + ": the buffer is detached");
  }
  binding.data = view.data;
  binding.bytes = view.length * element_bytes(view.type);
  return binding;
}

Napi::Value write_spec(Napi::Env env, const TensorSpec& spec) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", spec.name);
  object.Set("dtype", dtype_name(spec.dtype));
  Napi::Array shape = Napi::Array::New(env, spec.shape.size());
  for (std::uint32_t i = 0; i < spec.shape.size(); ++i) {
    if (spec.shape[i].is_static()) {
      shape.Set(i, static_cast<double>(spec.shape[i].size));
    } else {
      shape.Set(i, spec.shape[i].name);
    }
  }
  object.Set("shape", shape);
  return object;
}

Napi::Value write_output(Napi::Env env, const OutputCopy& copy) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("dtype", dtype_name(copy.dtype));
  object.Set("shape", write_shape(env, copy.shape));
  if (copy.dtype == Dtype::string) {
    Napi::Array strings = Napi::Array::New(env, copy.strings.size());
    for (std::uint32_t i = 0; i < copy.strings.size(); ++i) strings.Set(i, copy.strings[i]);
    object.Set("data", strings);
    return object;
  }
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, copy.bytes.size());
  if (!copy.bytes.empty()) std::memcpy(buffer.Data(), copy.bytes.data(), copy.bytes.size());
  napi_value view = nullptr;
  const std::size_t length = copy.bytes.size() / dtype_bytes(copy.dtype);
  if (napi_create_typedarray(env, array_type(copy.dtype), length, buffer, 0, &view) != napi_ok) {
    throw Failure("INTERNAL", "an output could not be copied");
  }
  object.Set("data", Napi::Value(env, view));
  return object;
}

}  // namespace redline::js
