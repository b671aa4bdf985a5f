// Owns the loading of the shared library on each operating system and the check of its version.

#include "host/ort_library.h"

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "host/failure.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace redline {

namespace {

std::atomic<const OrtLibrary*> loaded{nullptr};

struct Opened {
  void* handle = nullptr;
  bool is_reused = false;
  std::string reason;
};

using GetApiBase = const ort::ApiBase*();

#if defined(_WIN32)

/// What the system says about an error, in its user's language, and its number.
std::string system_message(DWORD error) {
  wchar_t wide[512] = {};
  DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, error, 0, wide,
                                sizeof wide / sizeof *wide, nullptr);
  while (length > 0 && wide[length - 1] <= L' ') --length;
  // At most three bytes of UTF-8 for a unit of UTF-16.
  char text[sizeof wide / sizeof *wide * 3];
  const int bytes = WideCharToMultiByte(CP_UTF8, 0, wide, static_cast<int>(length), text, sizeof text, nullptr, nullptr);
  return std::string(text, static_cast<std::size_t>(bytes)) + " (error " + std::to_string(error) + ")";
}

Opened open_loaded(const std::string&) {
  HMODULE handle = nullptr;
  // Pinned: whoever loaded it may let go of it before we do.
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN, L"onnxruntime.dll", &handle);
  return Opened{handle, true, {}};
}

Opened open_file(const std::string& path) {
  // The altered search path lets the library find the DLLs that lie beside it.
  HMODULE handle = LoadLibraryExW(ort_path(path).c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  return Opened{handle, false, handle == nullptr ? system_message(GetLastError()) : ""};
}

GetApiBase* find_base(void* handle) {
  return reinterpret_cast<GetApiBase*>(
      reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(handle), "OrtGetApiBase")));
}

#else

#if defined(__APPLE__)
constexpr const char* kLoadedNames[] = {"@rpath/libonnxruntime.1.dylib", "libonnxruntime.1.dylib"};
#else
constexpr const char* kLoadedNames[] = {"libonnxruntime.so.1"};
#endif

Opened open_loaded(const std::string& path) {
  if (void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD)) return Opened{handle, true, {}};
  for (const char* name : kLoadedNames) {
    if (void* handle = dlopen(name, RTLD_NOW | RTLD_NOLOAD)) return Opened{handle, true, {}};
  }
  return Opened{};
}

Opened open_file(const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  const char* reason = handle == nullptr ? dlerror() : nullptr;
  return Opened{handle, false, reason == nullptr ? "" : reason};
}

GetApiBase* find_base(void* handle) {
  return reinterpret_cast<GetApiBase*>(dlsym(handle, "OrtGetApiBase"));
}

#endif

/// Library 1.N offers API versions up to N.
int offered_version(const std::string& version) {
  const auto dot = version.find('.');
  if (dot == std::string::npos) return 0;
  return std::atoi(version.c_str() + dot + 1);
}

}  // namespace

#if defined(_WIN32)
std::basic_string<ort::PathChar> ort_path(const std::string& path) {
  const int length = MultiByteToWideChar(CP_UTF8, 0, path.data(), static_cast<int>(path.size()), nullptr, 0);
  std::wstring wide(static_cast<std::size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.data(), static_cast<int>(path.size()), wide.data(), length);
  return wide;
}
#else
std::basic_string<ort::PathChar> ort_path(const std::string& path) { return path; }
#endif

const OrtLibrary& OrtLibrary::load(const std::string& path, std::uint32_t api_version) {
  static std::mutex* const mutex = new std::mutex;
  const std::lock_guard<std::mutex> lock(*mutex);
  if (loaded.load() == nullptr) loaded.store(new OrtLibrary(path, api_version));
  return *loaded.load();
}

const OrtLibrary& OrtLibrary::get() {
  const OrtLibrary* library = loaded.load();
  if (library == nullptr) throw Failure("PROVIDER_UNAVAILABLE", "the ONNX Runtime library is not loaded");
  return *library;
}

OrtLibrary::OrtLibrary(const std::string& path, std::uint32_t api_version) {
  // A copy already in the process comes first, but only if it is new enough to be used.
  for (const auto& open : {open_loaded, open_file}) {
    const Opened opened = open(path);
    if (opened.handle == nullptr) {
      if (!opened.reason.empty()) throw Failure("PROVIDER_UNAVAILABLE", path + ": " + opened.reason);
      continue;
    }
    GetApiBase* find = find_base(opened.handle);
    if (find == nullptr) {
      if (opened.is_reused) continue;
      throw Failure("PROVIDER_UNAVAILABLE", path + " is not an ONNX Runtime library: it has no OrtGetApiBase");
    }
    const ort::ApiBase* base = find();
    const char* version = base == nullptr ? nullptr : base->get_version_string();
    version_ = version == nullptr ? "of no version" : version;
    const int offered = offered_version(version_);
    // Asking for a version the library lacks makes it print to stderr, so its own number is compared first.
    const bool is_offered = static_cast<std::uint32_t>(offered) >= api_version;
    table_ = is_offered ? static_cast<const Entry*>(base->get_api(api_version)) : nullptr;
    if (table_ != nullptr) {
      is_reused_ = opened.is_reused;
      break;
    }
    if (opened.is_reused) continue;
    const std::string wanted = path + ": wanted API version " + std::to_string(api_version) + ", ONNX Runtime " + version_;
    throw Failure("PROVIDER_VERSION", is_offered ? wanted + " no longer offers it: it is too new"
                                                 : wanted + " offers up to " + std::to_string(offered) + ": it is too old");
  }
  if (table_ == nullptr) throw Failure("PROVIDER_UNAVAILABLE", path + " could not be opened");

  // Statuses carry every message; the library's own log would only repeat them on stderr.
  require<ort::CreateEnv>("PROVIDER_UNAVAILABLE", int{ort::kLogFatal}, "redline", &env_);
  require<ort::GetAllocatorWithDefaultOptions>("PROVIDER_UNAVAILABLE", &allocator_);
  require<ort::CreateCpuMemoryInfo>("PROVIDER_UNAVAILABLE", int{ort::kDeviceAllocator}, int{ort::kDefaultMemory},
                                    &cpu_memory_);
  char** names = nullptr;
  int count = 0;
  require<ort::GetAvailableProviders>("PROVIDER_UNAVAILABLE", &names, &count);
  providers_.assign(names, names + count);
  require<ort::ReleaseAvailableProviders>("PROVIDER_UNAVAILABLE", names, count);
}

void OrtLibrary::take(ort::Status* status, OrtError* error) const {
  error->code = at<ort::GetErrorCode>()(status);
  error->message = at<ort::GetErrorMessage>()(status);
  at<ort::ReleaseStatus>()(status);
}

void OrtLibrary::fail(const char* code, const OrtError& error) { throw Failure(code, error.message); }

}  // namespace redline
