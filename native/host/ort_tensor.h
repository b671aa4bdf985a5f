// Owns the translation between ONNX Runtime's tensor descriptions and ours.
// Invariant: only element types that typed arrays share pass; everything else is refused by name.
#pragma once

#include <string>

#include "host/ort_library.h"
#include "host/tensor.h"

namespace redline {

int ort_element_type(Dtype dtype) noexcept;

/// Describes one input or output; throws Failure MODEL_LOAD_FAILED for what no typed array can carry.
TensorSpec describe_tensor(const std::string& name, const ort::TypeInfo* type);

/// A value over lent memory, or a filled string tensor of the library's own.
OrtValueHandle make_value(const Binding& binding);

/// Element type and shape of a value.
void read_shape(const ort::Value* value, Dtype* dtype, std::vector<std::int64_t>* shape);

OutputCopy copy_value(ort::Value* value);

}  // namespace redline
