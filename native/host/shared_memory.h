// Owns memory shared by two processes: made by one, attached by the other, gone when both have let go of it.
// Knows no contents. Invariant: nothing of it outlives its processes, however they end: it has no name on a disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace redline {

class SharedMemory {
 public:
  /// Makes memory of zeros. Throws Failure PROVIDER_UNAVAILABLE when the system has none to give.
  static std::unique_ptr<SharedMemory> create(std::size_t bytes);
  /// Maps what another process made: its inherited descriptor, or its name on Windows.
  static std::unique_ptr<SharedMemory> attach(const std::string& handle, std::size_t bytes);

  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  std::uint8_t* data() noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }
  /// To be inherited by the other process; -1 on Windows.
  int descriptor() const noexcept { return descriptor_; }
  /// What the other process attaches by on Windows; empty elsewhere.
  const std::string& name() const noexcept { return name_; }

 private:
  SharedMemory() = default;

  std::uint8_t* data_ = nullptr;
  std::size_t bytes_ = 0;
  int descriptor_ = -1;
  std::string name_;
#if defined(_WIN32)
  void* mapping_ = nullptr;
#endif
};

}  // namespace redline
