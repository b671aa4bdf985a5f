// Owns reading a process's resident memory on each operating system.

#include "host/resident_memory.h"

#if defined(_WIN32)
#include <windows.h>
// After windows.h, whose names it uses.
#include <psapi.h>
#elif defined(__APPLE__)
#include <libproc.h>
#include <sys/resource.h>
#else
#include <cstdio>
#include <unistd.h>
#endif

namespace redline {

#if defined(_WIN32)

std::int64_t resident_bytes(std::int64_t process_id) noexcept {
  HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, static_cast<DWORD>(process_id));
  if (process == nullptr) return -1;
  PROCESS_MEMORY_COUNTERS counters{};
  const bool is_read = K32GetProcessMemoryInfo(process, &counters, sizeof(counters)) != 0;
  CloseHandle(process);
  return is_read ? static_cast<std::int64_t>(counters.WorkingSetSize) : -1;
}

#elif defined(__APPLE__)

std::int64_t resident_bytes(std::int64_t process_id) noexcept {
  rusage_info_v2 usage{};
  const int status =
      proc_pid_rusage(static_cast<int>(process_id), RUSAGE_INFO_V2, reinterpret_cast<rusage_info_t*>(&usage));
  return status == 0 ? static_cast<std::int64_t>(usage.ri_resident_size) : -1;
}

#else

std::int64_t resident_bytes(std::int64_t process_id) noexcept {
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/%lld/statm", static_cast<long long>(process_id));
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return -1;
  long long total = 0;
  long long resident = -1;
  const bool is_read = std::fscanf(file, "%lld %lld", &total, &resident) == 2;
  std::fclose(file);
  return is_read ? resident * sysconf(_SC_PAGESIZE) : -1;
}

#endif

}  // namespace redline
