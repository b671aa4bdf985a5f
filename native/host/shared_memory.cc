// Owns shared memory on each operating system: memfd on Linux, an unlinked POSIX object on macOS, a named mapping on Windows.

#include "host/shared_memory.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "host/failure.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#endif

namespace redline {

namespace {

constexpr const char* kCode = "PROVIDER_UNAVAILABLE";

[[noreturn]] void refuse(const std::string& step, const std::string& reason) {
  throw Failure(kCode, "shared memory: " + step + ": " + reason);
}

}  // namespace

#if defined(_WIN32)

namespace {

std::string last_error() { return "error " + std::to_string(GetLastError()); }

std::uint8_t* map_view(HANDLE mapping, std::size_t bytes) {
  void* view = MapViewOfFile(mapping, FILE_MAP_ALL_ACCESS, 0, 0, bytes);
  if (view == nullptr) refuse("MapViewOfFile", last_error());
  return static_cast<std::uint8_t*>(view);
}

}  // namespace

std::unique_ptr<SharedMemory> SharedMemory::create(std::size_t bytes) {
  static std::atomic<unsigned> count{0};
  LARGE_INTEGER ticks{};
  QueryPerformanceCounter(&ticks);
  std::unique_ptr<SharedMemory> memory(new SharedMemory);
  memory->bytes_ = bytes;
  memory->name_ = "Local\\redline-" + std::to_string(GetCurrentProcessId()) + "-" + std::to_string(count++) + "-" +
                  std::to_string(ticks.QuadPart);
  const auto size = static_cast<std::uint64_t>(bytes);
  memory->mapping_ = CreateFileMappingA(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, static_cast<DWORD>(size >> 32),
                                        static_cast<DWORD>(size), memory->name_.c_str());
  if (memory->mapping_ == nullptr) refuse("CreateFileMapping", last_error());
  if (GetLastError() == ERROR_ALREADY_EXISTS) refuse("CreateFileMapping", "the name is taken");
  memory->data_ = map_view(memory->mapping_, bytes);
  return memory;
}

std::unique_ptr<SharedMemory> SharedMemory::attach(const std::string& handle, std::size_t bytes) {
  std::unique_ptr<SharedMemory> memory(new SharedMemory);
  memory->bytes_ = bytes;
  memory->mapping_ = OpenFileMappingA(FILE_MAP_ALL_ACCESS, FALSE, handle.c_str());
  if (memory->mapping_ == nullptr) refuse("OpenFileMapping", last_error());
  memory->data_ = map_view(memory->mapping_, bytes);
  return memory;
}

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) UnmapViewOfFile(data_);
  if (mapping_ != nullptr) CloseHandle(mapping_);
}

#else

namespace {

std::string last_error() { return std::strerror(errno); }

#if defined(__linux__)

int make_descriptor() {
  // The system call itself: the C library's wrapper is younger than the systems the addon loads on.
  constexpr unsigned kCloseOnExec = 1;
  return static_cast<int>(syscall(SYS_memfd_create, "redline", kCloseOnExec));
}

#else

int make_descriptor() {
  static std::atomic<unsigned> count{0};
  // macOS allows 31 characters.
  const std::string name = "/redline." + std::to_string(getpid()) + "." + std::to_string(count++);
  const int descriptor = shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  if (descriptor < 0) return descriptor;
  shm_unlink(name.c_str());
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return descriptor;
}

#endif

std::uint8_t* map_descriptor(int descriptor, std::size_t bytes) {
  void* view = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (view == MAP_FAILED) refuse("mmap", last_error());
  return static_cast<std::uint8_t*>(view);
}

}  // namespace

std::unique_ptr<SharedMemory> SharedMemory::create(std::size_t bytes) {
  std::unique_ptr<SharedMemory> memory(new SharedMemory);
  memory->bytes_ = bytes;
  memory->descriptor_ = make_descriptor();
  if (memory->descriptor_ < 0) refuse("making it", last_error());
  if (ftruncate(memory->descriptor_, static_cast<off_t>(bytes)) != 0) refuse("ftruncate", last_error());
  memory->data_ = map_descriptor(memory->descriptor_, bytes);
  return memory;
}

std::unique_ptr<SharedMemory> SharedMemory::attach(const std::string& handle, std::size_t bytes) {
  std::unique_ptr<SharedMemory> memory(new SharedMemory);
  memory->bytes_ = bytes;
  memory->descriptor_ = std::atoi(handle.c_str());
  memory->data_ = map_descriptor(memory->descriptor_, bytes);
  return memory;
}

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) munmap(data_, bytes_);
  if (descriptor_ >= 0) close(descriptor_);
}

#endif

}  // namespace redline
