// Owns element types, shapes and strings as they cross the library's border.

#include "host/ort_tensor.h"

#include <cstring>

#include "host/failure.h"

namespace redline {

namespace {

constexpr const char* kLoad = "MODEL_LOAD_FAILED";
constexpr const char* kRun = "PROVIDER_FAILED";

struct ElementRow {
  Dtype dtype;
  int element_type;
};

constexpr ElementRow kElements[] = {
    {Dtype::float32, ort::kFloat32}, {Dtype::float16, ort::kFloat16}, {Dtype::int8, ort::kInt8},
    {Dtype::uint8, ort::kUint8},     {Dtype::int32, ort::kInt32},     {Dtype::int64, ort::kInt64},
    {Dtype::boolean, ort::kBool},    {Dtype::string, ort::kString},
};

bool find_dtype(int element_type, Dtype* dtype) noexcept {
  for (const ElementRow& row : kElements) {
    if (row.element_type != element_type) continue;
    *dtype = row.dtype;
    return true;
  }
  return false;
}

}  // namespace

int ort_element_type(Dtype dtype) noexcept {
  for (const ElementRow& row : kElements) {
    if (row.dtype == dtype) return row.element_type;
  }
  return 0;
}

TensorSpec describe_tensor(const std::string& name, const ort::TypeInfo* type) {
  const OrtLibrary& ort = OrtLibrary::get();
  int kind = 0;
  ort.require<ort::GetOnnxTypeFromTypeInfo>(kLoad, type, &kind);
  const ort::TensorInfo* info = nullptr;
  if (kind == ort::kTensorType) ort.require<ort::CastTypeInfoToTensorInfo>(kLoad, type, &info);
  if (info == nullptr) throw Failure(kLoad, name + " is not a dense tensor");

  int element_type = 0;
  ort.require<ort::GetTensorElementType>(kLoad, info, &element_type);
  TensorSpec spec;
  spec.name = name;
  if (!find_dtype(element_type, &spec.dtype)) {
    throw Failure(kLoad, name + " has ONNX element type " + std::to_string(element_type) +
                             "; expected float32, float16, int8, uint8, int32, int64, bool or string");
  }
  std::size_t rank = 0;
  ort.require<ort::GetDimensionsCount>(kLoad, info, &rank);
  std::vector<std::int64_t> sizes(rank);
  std::vector<const char*> names(rank, nullptr);
  ort.require<ort::GetDimensions>(kLoad, info, sizes.data(), rank);
  ort.require<ort::GetSymbolicDimensions>(kLoad, info, names.data(), rank);
  for (std::size_t i = 0; i < rank; ++i) {
    const bool is_named = names[i] != nullptr && names[i][0] != '\0';
    spec.shape.push_back(Dimension{sizes[i], sizes[i] >= 0 ? "" : is_named ? names[i] : "?"});
  }
  return spec;
}

OrtValueHandle make_value(const Binding& binding) {
  const OrtLibrary& ort = OrtLibrary::get();
  ort::Value* value = nullptr;
  if (binding.dtype == Dtype::string) {
    ort.require<ort::CreateTensorAsOrtValue>(kRun, ort.allocator(), binding.shape.data(), binding.shape.size(),
                                             int{ort::kString}, &value);
    OrtValueHandle handle(value);
    std::vector<const char*> pointers;
    for (const std::string& text : binding.strings) pointers.push_back(text.c_str());
    if (!pointers.empty()) {
      ort.require<ort::FillStringTensor>(kRun, value, pointers.data(), pointers.size());
    }
    return handle;
  }
  // A view of no elements may have no address, but the library wants one.
  static unsigned char nothing = 0;
  void* data = binding.bytes == 0 ? &nothing : binding.data;
  ort.require<ort::CreateTensorWithDataAsOrtValue>(kRun, ort.cpu_memory(), data, binding.bytes,
                                                   binding.shape.data(), binding.shape.size(),
                                                   ort_element_type(binding.dtype), &value);
  return OrtValueHandle(value);
}

void read_shape(const ort::Value* value, Dtype* dtype, std::vector<std::int64_t>* shape) {
  const OrtLibrary& ort = OrtLibrary::get();
  ort::TensorInfo* raw = nullptr;
  ort.require<ort::GetTensorTypeAndShape>(kRun, value, &raw);
  const OrtTensorInfoHandle info(raw);
  int element_type = 0;
  ort.require<ort::GetTensorElementType>(kRun, static_cast<const ort::TensorInfo*>(raw), &element_type);
  if (!find_dtype(element_type, dtype)) throw Failure(kRun, "an output has an element type its model did not declare");
  std::size_t rank = 0;
  ort.require<ort::GetDimensionsCount>(kRun, static_cast<const ort::TensorInfo*>(raw), &rank);
  shape->resize(rank);
  ort.require<ort::GetDimensions>(kRun, static_cast<const ort::TensorInfo*>(raw), shape->data(), rank);
}

OutputCopy copy_value(ort::Value* value) {
  const OrtLibrary& ort = OrtLibrary::get();
  OutputCopy copy;
  read_shape(value, &copy.dtype, &copy.shape);
  const std::size_t elements = element_count(copy.shape);
  if (copy.dtype == Dtype::string) {
    std::size_t length = 0;
    ort.require<ort::GetStringTensorDataLength>(kRun, static_cast<const ort::Value*>(value), &length);
    // One byte more than needed, so that neither array is empty.
    std::string text(length + 1, '\0');
    std::vector<std::size_t> offsets(elements + 1, length);
    if (elements > 0) {
      ort.require<ort::GetStringTensorContent>(kRun, static_cast<const ort::Value*>(value),
                                               static_cast<void*>(text.data()), length, offsets.data(), elements);
    }
    for (std::size_t i = 0; i < elements; ++i) {
      copy.strings.push_back(text.substr(offsets[i], offsets[i + 1] - offsets[i]));
    }
    return copy;
  }
  void* data = nullptr;
  ort.require<ort::GetTensorMutableData>(kRun, value, &data);
  copy.bytes.resize(elements * dtype_bytes(copy.dtype));
  if (!copy.bytes.empty()) std::memcpy(copy.bytes.data(), data, copy.bytes.size());
  return copy;
}

}  // namespace redline
