// Owns the checks that lent memory fits what a graph declares.

#include "host/tensor.h"

#include <limits>

#include "host/failure.h"

namespace redline {

const char* dtype_name(Dtype dtype) noexcept {
  switch (dtype) {
    case Dtype::float32:
      return "float32";
    case Dtype::float16:
      return "float16";
    case Dtype::int8:
      return "int8";
    case Dtype::uint8:
      return "uint8";
    case Dtype::int32:
      return "int32";
    case Dtype::int64:
      return "int64";
    case Dtype::boolean:
      return "bool";
    case Dtype::string:
      return "string";
  }
  return "unknown";
}

std::size_t dtype_bytes(Dtype dtype) noexcept {
  switch (dtype) {
    case Dtype::float32:
    case Dtype::int32:
      return 4;
    case Dtype::float16:
      return 2;
    case Dtype::int8:
    case Dtype::uint8:
    case Dtype::boolean:
      return 1;
    case Dtype::int64:
      return 8;
    case Dtype::string:
      return 0;
  }
  return 0;
}

std::size_t element_count(const std::vector<std::int64_t>& shape) {
  std::size_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0) throw Failure("INPUT_SHAPE", "a dimension is negative in " + describe_shape(shape));
    const auto factor = static_cast<std::size_t>(size);
    if (factor != 0 && count > std::numeric_limits<std::int64_t>::max() / factor) {
      throw Failure("INPUT_SHAPE", describe_shape(shape) + " has more elements than can be counted");
    }
    count *= factor;
  }
  return count;
}

std::string describe_shape(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ",") + std::to_string(shape[i]);
  return text + "]";
}

std::string describe_shape(const std::vector<Dimension>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ",") + (shape[i].is_static() ? std::to_string(shape[i].size) : shape[i].name);
  }
  return text + "]";
}

void require_fit(const TensorSpec& spec, const Binding& binding) {
  if (binding.dtype != spec.dtype) {
    throw Failure("INPUT_DTYPE", spec.name + ": expected " + dtype_name(spec.dtype) + ", received " +
                                     dtype_name(binding.dtype));
  }
  bool fits = binding.shape.size() == spec.shape.size();
  for (std::size_t i = 0; fits && i < spec.shape.size(); ++i) {
    fits = !spec.shape[i].is_static() || spec.shape[i].size == binding.shape[i];
  }
  if (!fits) {
    throw Failure("INPUT_SHAPE", spec.name + ": expected " + describe_shape(spec.shape) + ", received " +
                                     describe_shape(binding.shape));
  }
  const std::size_t elements = element_count(binding.shape);
  const std::size_t received =
      spec.dtype == Dtype::string ? binding.strings.size() : binding.bytes / dtype_bytes(spec.dtype);
  if (elements != received) {
    throw Failure("INPUT_SHAPE", spec.name + ": expected " + std::to_string(elements) + " elements for " +
                                     describe_shape(binding.shape) + ", received " + std::to_string(received));
  }
}

}  // namespace redline
