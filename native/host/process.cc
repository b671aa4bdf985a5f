// Owns the process arrangements on each operating system.

#include "host/process.h"

#include <cstdlib>

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace redline {

namespace {

// ONNX Runtime 1.30 on Linux carries a telemetry client that is on unless this variable is set (docs/decisions/0063).
#if defined(_WIN32)
constexpr const wchar_t* kSilence = L"ORT_DISABLE_TELEMETRY";
#else
constexpr const char* kSilence = "ORT_DISABLE_TELEMETRY";
#endif

}  // namespace

#if defined(_WIN32)

void silence_telemetry() {
  // Node changes the process's environment, not the C library's copy of it: what the user set in JavaScript is only there.
  if (GetEnvironmentVariableW(kSilence, nullptr, 0) == 0) _wputenv_s(kSilence, L"1");
}

void stay_mapped() {
  HMODULE self = nullptr;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                     reinterpret_cast<LPCWSTR>(&stay_mapped), &self);
}

// Windows ends every other thread before a library is told of the exit: there is nothing left to quiet.
void at_process_exit(void (*)()) {}

#else

void silence_telemetry() { setenv(kSilence, "1", /*overwrite=*/0); }

void stay_mapped() {
  Dl_info self{};
  if (dladdr(reinterpret_cast<void*>(&stay_mapped), &self) == 0 || self.dli_fname == nullptr) return;
  dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

void at_process_exit(void (*quiesce)()) { std::atexit(quiesce); }

#endif

}  // namespace redline
