// Owns the probing of vector instructions on x86 and ARM, by compiler and operating system.

#include "host/simd.h"

#include <cstdint>

#if defined(__aarch64__) || defined(_M_ARM64)
#define REDLINE_ARM64 1
#elif defined(__x86_64__) || defined(_M_X64)
#define REDLINE_X64 1
#endif

#if defined(REDLINE_X64) && defined(_MSC_VER)
#include <intrin.h>
#elif defined(REDLINE_X64)
#include <cpuid.h>
#elif defined(REDLINE_ARM64) && defined(_WIN32)
#include <windows.h>
#elif defined(REDLINE_ARM64) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(REDLINE_ARM64)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace redline {

#if defined(REDLINE_X64)

namespace {

struct Leaf {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// Not the compilers' __builtin_cpu_supports: it needs a runtime library that a cross-built shared library cannot link.
#if defined(_MSC_VER)

Leaf read_leaf(int number) noexcept {
  int found[4] = {};
  __cpuid(found, 0);
  if (found[0] < number) return {};
  __cpuidex(found, number, 0);
  return Leaf{static_cast<std::uint32_t>(found[0]), static_cast<std::uint32_t>(found[1]),
              static_cast<std::uint32_t>(found[2]), static_cast<std::uint32_t>(found[3])};
}

std::uint64_t saved_registers() noexcept { return _xgetbv(0); }

#else

Leaf read_leaf(int number) noexcept {
  Leaf leaf;
  if (!__get_cpuid_count(static_cast<unsigned int>(number), 0, &leaf.eax, &leaf.ebx, &leaf.ecx, &leaf.edx)) return {};
  return leaf;
}

std::uint64_t saved_registers() noexcept {
  std::uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

#endif

constexpr bool has_bit(std::uint32_t word, int bit) noexcept { return ((word >> bit) & 1) != 0; }

}  // namespace

std::vector<std::string> probe_simd() {
  std::vector<std::string> found;
  const Leaf features = read_leaf(1);
  const Leaf extended = read_leaf(7);
  if (has_bit(features.ecx, 20)) found.push_back("sse4.2");
  // The operating system must save the wide registers, or using them faults.
  const std::uint64_t saved = has_bit(features.ecx, 27) ? saved_registers() : 0;
  const bool saves_ymm = (saved & 0x6) == 0x6;
  const bool saves_zmm = (saved & 0xe6) == 0xe6;
  if (saves_ymm && has_bit(extended.ebx, 5)) found.push_back("avx2");
  if (saves_zmm && has_bit(extended.ebx, 16)) found.push_back("avx512");
  if (saves_zmm && has_bit(extended.ecx, 11)) found.push_back("avx512vnni");
  return found;
}

bool has_avx2_and_half() {
  const Leaf features = read_leaf(1);
  const bool has_half = has_bit(features.ecx, 29);
  const bool saves_ymm = has_bit(features.ecx, 27) && (saved_registers() & 0x6) == 0x6;
  return has_half && saves_ymm && has_bit(read_leaf(7).ebx, 5);
}

bool has_avx2_and_fma() { return has_avx2_and_half() && has_bit(read_leaf(1).ecx, 12); }

bool has_avx512() {
  const bool saves_zmm = has_bit(read_leaf(1).ecx, 27) && (saved_registers() & 0xe6) == 0xe6;
  return saves_zmm && has_bit(read_leaf(7).ebx, 16);
}

bool has_avx512_vnni() { return has_avx512() && has_bit(read_leaf(7).ecx, 11); }

#elif defined(REDLINE_ARM64)

bool has_avx2_and_half() { return false; }

bool has_avx2_and_fma() { return false; }

bool has_avx512() { return false; }

bool has_avx512_vnni() { return false; }

std::vector<std::string> probe_simd() {
  // Every 64-bit ARM processor has NEON.
  std::vector<std::string> found{"neon"};
#if defined(_WIN32)
  // PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE, by number because older headers lack the name.
  if (IsProcessorFeaturePresent(43)) found.push_back("dotprod");
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

bool has_avx2_and_half() { return false; }

bool has_avx2_and_fma() { return false; }

bool has_avx512() { return false; }

bool has_avx512_vnni() { return false; }

std::vector<std::string> probe_simd() { return {}; }

#endif

}  // namespace redline
