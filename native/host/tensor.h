// Owns tensors as the host sees them: element types, specs of a graph, and memory lent for one slot.
// Knows no JavaScript: a binding is a pointer whose owner keeps it alive while bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace redline {

enum class Dtype { float32, float16, int8, uint8, int32, int64, boolean, string };

const char* dtype_name(Dtype dtype) noexcept;
/// Bytes of one element; 0 for strings.
std::size_t dtype_bytes(Dtype dtype) noexcept;

/// One dimension of a graph's tensor: a size, or the name of what is unknown until run time.
struct Dimension {
  std::int64_t size = -1;
  std::string name;
  bool is_static() const noexcept { return size >= 0; }
};

struct TensorSpec {
  std::string name;
  Dtype dtype = Dtype::float32;
  std::vector<Dimension> shape;
};

/// Memory for one tensor of a slot. `strings` instead of `data` for string inputs.
struct Binding {
  Dtype dtype = Dtype::float32;
  std::vector<std::int64_t> shape;
  void* data = nullptr;
  std::size_t bytes = 0;
  std::vector<std::string> strings;
  /// False: the run allocates this output, and the caller fetches it afterwards.
  bool is_lent = true;
};

/// A copy of one output.
struct OutputCopy {
  Dtype dtype = Dtype::float32;
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> bytes;
  std::vector<std::string> strings;
};

/// Elements of a shape; throws Failure INPUT_SHAPE when a size is negative or the product does not fit.
std::size_t element_count(const std::vector<std::int64_t>& shape);

std::string describe_shape(const std::vector<std::int64_t>& shape);
std::string describe_shape(const std::vector<Dimension>& shape);

/// Throws Failure INPUT_DTYPE or INPUT_SHAPE, naming expected and received, unless the binding fits the spec.
void require_fit(const TensorSpec& spec, const Binding& binding);

}  // namespace redline
