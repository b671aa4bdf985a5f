// Owns the ONNX Runtime library of the process: finding it, its function table, its one environment.
// Knows no models. Invariant: once loaded it stays; neither the library nor its environment is ever let go.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/ort_abi.h"

namespace redline {

/// An error status as a value: what the library said.
struct OrtError {
  int code = 0;
  std::string message;
};

class OrtLibrary {
 public:
  /// Loads the library once per process. Throws Failure PROVIDER_UNAVAILABLE or PROVIDER_VERSION.
  static const OrtLibrary& load(const std::string& path, std::uint32_t api_version);
  /// The loaded library; throws Failure PROVIDER_UNAVAILABLE before `load` has succeeded.
  static const OrtLibrary& get();

  const std::string& version() const noexcept { return version_; }
  bool is_reused() const noexcept { return is_reused_; }
  const std::vector<std::string>& providers() const noexcept { return providers_; }
  const ort::Env* env() const noexcept { return env_; }
  ort::Allocator* allocator() const noexcept { return allocator_; }
  const ort::MemoryInfo* cpu_memory() const noexcept { return cpu_memory_; }

  /// The function at a slot of the table.
  template <typename Slot>
  typename Slot::Call* at() const noexcept {
    return reinterpret_cast<typename Slot::Call*>(table_[Slot::kSlot]);
  }

  /// Calls a function that answers a status; true and an untouched `error` when it succeeded.
  template <typename Slot, typename... Arguments>
  bool call(OrtError* error, Arguments... arguments) const {
    ort::Status* status = at<Slot>()(arguments...);
    if (status == nullptr) return true;
    take(status, error);
    return false;
  }

  /// Calls a function that answers a status; throws Failure with `code` when it failed.
  template <typename Slot, typename... Arguments>
  void require(const char* code, Arguments... arguments) const {
    OrtError error;
    if (!call<Slot>(&error, arguments...)) fail(code, error);
  }

 private:
  using Entry = void (*)();

  OrtLibrary(const std::string& path, std::uint32_t api_version);
  void take(ort::Status* status, OrtError* error) const;
  [[noreturn]] static void fail(const char* code, const OrtError& error);

  const Entry* table_ = nullptr;
  std::string version_;
  bool is_reused_ = false;
  std::vector<std::string> providers_;
  ort::Env* env_ = nullptr;
  ort::Allocator* allocator_ = nullptr;
  ort::MemoryInfo* cpu_memory_ = nullptr;
};

/// Releases a handle through the library's table.
template <typename ReleaseSlot>
struct OrtRelease {
  template <typename Handle>
  void operator()(Handle* handle) const noexcept {
    OrtLibrary::get().at<ReleaseSlot>()(handle);
  }
};

using OrtSessionHandle = std::unique_ptr<ort::Session, OrtRelease<ort::ReleaseSession>>;
using OrtSessionOptionsHandle = std::unique_ptr<ort::SessionOptions, OrtRelease<ort::ReleaseSessionOptions>>;
using OrtRunOptionsHandle = std::unique_ptr<ort::RunOptions, OrtRelease<ort::ReleaseRunOptions>>;
using OrtIoBindingHandle = std::unique_ptr<ort::IoBinding, OrtRelease<ort::ReleaseIoBinding>>;
using OrtValueHandle = std::unique_ptr<ort::Value, OrtRelease<ort::ReleaseValue>>;
using OrtTypeInfoHandle = std::unique_ptr<ort::TypeInfo, OrtRelease<ort::ReleaseTypeInfo>>;
using OrtTensorInfoHandle =
    std::unique_ptr<ort::TensorInfo, OrtRelease<ort::ReleaseTensorTypeAndShapeInfo>>;

/// A UTF-8 path in the characters the library wants on this system.
std::basic_string<ort::PathChar> ort_path(const std::string& path);

}  // namespace redline
