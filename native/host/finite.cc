// Owns the scans. The exponent of NaN and infinity is all ones: an integer test that compilers vectorise and that
// no floating-point option can optimise away.

#include "host/finite.h"

#include <cstring>

namespace redline {

namespace {

// Blocks keep the accumulated loop free of branches and still leave early on a bad tensor.
constexpr std::size_t kBlock = 4096;

template <typename Word>
bool has_exponent(const void* data, std::size_t count, Word mask) noexcept {
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (std::size_t start = 0; start < count; start += kBlock) {
    const std::size_t end = count - start < kBlock ? count : start + kBlock;
    Word found = 0;
    for (std::size_t i = start; i < end; ++i) {
      Word bits;
      std::memcpy(&bits, bytes + i * sizeof(Word), sizeof(Word));
      found = static_cast<Word>(found | static_cast<Word>((bits & mask) == mask));
    }
    if (found != 0) return true;
  }
  return false;
}

}  // namespace

bool has_non_finite_f32(const void* data, std::size_t count) noexcept {
  return has_exponent<std::uint32_t>(data, count, 0x7f800000u);
}

bool has_non_finite_f16(const void* data, std::size_t count) noexcept {
  return has_exponent<std::uint16_t>(data, count, 0x7c00u);
}

}  // namespace redline
