// Owns the probing of vector instructions on x86 and ARM, by compiler and operating system.

#include "host/simd.h"

#if defined(__aarch64__) || defined(_M_ARM64)
#define REDLINE_ARM64 1
#elif defined(__x86_64__) || defined(_M_X64) || defined(__i386__)
#define REDLINE_X86 1
#endif

#if defined(_MSC_VER)
#include <intrin.h>
#include <windows.h>
#elif defined(REDLINE_ARM64) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(REDLINE_ARM64)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace redline {

#if defined(REDLINE_X86) && defined(_MSC_VER)

std::vector<std::string> probe_simd() {
  std::vector<std::string> found;
  int leaf[4] = {};
  __cpuid(leaf, 1);
  if (leaf[2] & (1 << 20)) found.push_back("sse4.2");
  // The operating system must save the wide registers, or using them faults.
  const bool saves_registers = (leaf[2] & (1 << 27)) != 0;
  const unsigned long long saved = saves_registers ? _xgetbv(0) : 0;
  __cpuidex(leaf, 7, 0);
  if ((saved & 0x6) == 0x6 && (leaf[1] & (1 << 5))) found.push_back("avx2");
  if ((saved & 0xe6) == 0xe6 && (leaf[1] & (1 << 16))) found.push_back("avx512");
  if ((saved & 0xe6) == 0xe6 && (leaf[2] & (1 << 11))) found.push_back("avx512vnni");
  return found;
}

#elif defined(REDLINE_X86)

std::vector<std::string> probe_simd() {
  std::vector<std::string> found;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("sse4.2")) found.push_back("sse4.2");
  if (__builtin_cpu_supports("avx2")) found.push_back("avx2");
  if (__builtin_cpu_supports("avx512f")) found.push_back("avx512");
  if (__builtin_cpu_supports("avx512vnni")) found.push_back("avx512vnni");
  return found;
}

#elif defined(REDLINE_ARM64)

std::vector<std::string> probe_simd() {
  // Every 64-bit ARM processor has NEON.
  std::vector<std::string> found{"neon"};
#if defined(_MSC_VER)
  if (IsProcessorFeaturePresent(PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE)) found.push_back("dotprod");
#elif defined(__APPLE__)
  int has = 0;
  std::size_t size = sizeof(has);
  if (sysctlbyname("hw.optional.arm.FEAT_DotProd", &has, &size, nullptr, 0) == 0 && has) found.push_back("dotprod");
#else
  if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) found.push_back("dotprod");
#endif
  return found;
}

#else

std::vector<std::string> probe_simd() { return {}; }

#endif

}  // namespace redline
