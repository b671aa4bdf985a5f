// Owns the control registers that decide about denormals: MXCSR on x86, FPCR on ARM64.

#include "host/denormals.h"

#if defined(__SSE2__) || defined(_M_X64)
#include <immintrin.h>
#elif defined(_M_ARM64)
#include <intrin.h>
#endif

namespace redline {

namespace {

#if defined(__SSE2__) || defined(_M_X64)

// Bit 15 makes denormal results zero (FTZ), bit 6 denormal operands (DAZ).
constexpr std::uint64_t kFlush = 0x8040;

std::uint64_t read_control() noexcept { return _mm_getcsr(); }
void write_control(std::uint64_t control) noexcept { _mm_setcsr(static_cast<unsigned int>(control)); }

#elif defined(__aarch64__)

// Bit 24 (FZ) makes denormal operands and results zero.
constexpr std::uint64_t kFlush = std::uint64_t{1} << 24;

std::uint64_t read_control() noexcept {
  std::uint64_t control = 0;
  asm volatile("mrs %0, fpcr" : "=r"(control));
  return control;
}
void write_control(std::uint64_t control) noexcept { asm volatile("msr fpcr, %0" : : "r"(control)); }

#elif defined(_M_ARM64)

constexpr std::uint64_t kFlush = std::uint64_t{1} << 24;

std::uint64_t read_control() noexcept { return static_cast<std::uint64_t>(_ReadStatusReg(ARM64_FPCR)); }
void write_control(std::uint64_t control) noexcept {
  _WriteStatusReg(ARM64_FPCR, static_cast<std::int64_t>(control));
}

#else

constexpr std::uint64_t kFlush = 0;

std::uint64_t read_control() noexcept { return 0; }
void write_control(std::uint64_t) noexcept {}

#endif

}  // namespace

void flush_denormals() noexcept { write_control(read_control() | kFlush); }

DenormalsFlushed::DenormalsFlushed() noexcept : before_(read_control()) { write_control(before_ | kFlush); }

DenormalsFlushed::~DenormalsFlushed() { write_control(before_); }

}  // namespace redline
