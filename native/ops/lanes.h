// Owns what vector code needs of its compiler: attributes, and the scalar lanes, one wide, that finish what is left over.
// Knows no op. Invariant: every lanes type gives the same bits, as each step rounds once (compile without contraction).
// Kernels are templates over a lanes type in an unnamed namespace: each file of one instruction set has its own copies.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(_MSC_VER) && !defined(__clang__)
#define REDLINE_INLINE __forceinline
#else
#define REDLINE_INLINE inline __attribute__((always_inline))
#endif

// A file of one instruction set defines what its functions are compiled for before it includes anything here.
#if !defined(REDLINE_LANES)
#define REDLINE_LANES
#endif

namespace redline::ops {

namespace {

/// The nearest half, ties to even, of a float that is not NaN.
REDLINE_INLINE std::uint16_t half_from(float value) noexcept {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  bits &= 0x7fffffffu;
  // 65520 lies halfway between the largest half and the next power of two, and rounds away.
  if (bits >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (bits < 0x38800000u) {
    // Below the smallest normal half: adding a half aligns the fraction to steps of 2^-24 and rounds it.
    float size;
    std::memcpy(&size, &bits, sizeof(size));
    size += 0.5f;
    std::memcpy(&bits, &size, sizeof(bits));
    return static_cast<std::uint16_t>(sign | (bits - 0x3f000000u));
  }
  const std::uint32_t is_odd = (bits >> 13) & 1u;
  return static_cast<std::uint16_t>(sign | ((bits - 0x38000000u + 0xfffu + is_odd) >> 13));
}

/// Bits of the square root of one half.
constexpr std::int32_t kHalfRootBits = 0x3f3504f3;

/// One lane. `F` holds floats, `I` offsets or the bytes of pixels.
struct ScalarLanes {
  static constexpr int kWidth = 1;
  using F = float;
  using I = std::int32_t;

  static REDLINE_INLINE F load(const float* from) noexcept { return *from; }
  static REDLINE_INLINE I load(const std::int32_t* from) noexcept { return *from; }
  static REDLINE_INLINE void store(float* to, F value) noexcept { *to = value; }
  static REDLINE_INLINE F set(float value) noexcept { return value; }
  static REDLINE_INLINE F add(F a, F b) noexcept { return a + b; }
  static REDLINE_INLINE F sub(F a, F b) noexcept { return a - b; }
  static REDLINE_INLINE F mul(F a, F b) noexcept { return a * b; }
  static REDLINE_INLINE F div(F a, F b) noexcept { return a / b; }
  /// The second one where they are equal or either is NaN, as the vector instructions of x86 have it.
  static REDLINE_INLINE F min(F a, F b) noexcept { return a < b ? a : b; }
  static REDLINE_INLINE F max(F a, F b) noexcept { return a > b ? a : b; }
  static REDLINE_INLINE F sqrt(F value) noexcept { return std::sqrt(value); }
  /// The last lane first.
  static REDLINE_INLINE F reverse(F value) noexcept { return value; }
  /// Every second float, and those between them.
  static REDLINE_INLINE void unzip(const float* from, F* even, F* odd) noexcept {
    *even = from[0];
    *odd = from[1];
  }
  /// Lane i of row k goes to 8 i + k.
  static REDLINE_INLINE void store_columns(float* to, const F (&rows)[8]) noexcept {
    for (int row = 0; row < 8; ++row) to[row] = rows[row];
  }
  /// Takes a normal number above 0 apart: a power of two, and what is left, between the roots of one half and of two.
  static REDLINE_INLINE void split(F value, F* exponent, F* rest) noexcept {
    std::int32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    // Unsigned, as the vector instructions wrap: the bits of what is no such number may be any.
    const auto offset = static_cast<std::uint32_t>(bits) - static_cast<std::uint32_t>(kHalfRootBits);
    const std::int32_t power = static_cast<std::int32_t>(offset) >> 23;
    bits = static_cast<std::int32_t>(static_cast<std::uint32_t>(bits) - (static_cast<std::uint32_t>(power) << 23));
    std::memcpy(rest, &bits, sizeof(bits));
    *exponent = static_cast<float>(power);
  }
  /// 0 where `value` is NaN.
  static REDLINE_INLINE F zero_nan(F value, F tested) noexcept { return tested == tested ? value : 0.0f; }
  /// One bit for each lane of `a` above that of `b`, lane 0 lowest.
  static REDLINE_INLINE std::uint32_t above(F a, F b) noexcept { return a > b ? 1u : 0u; }
  /// One bit for each lane above 0, lane 0 lowest.
  static REDLINE_INLINE std::uint32_t above_zero(F value) noexcept { return value > 0.0f ? 1u : 0u; }
  /// 255 for each lane above 0, else 0.
  static REDLINE_INLINE void store_above_zero(std::uint8_t* to, F value) noexcept { *to = value > 0.0f ? 255 : 0; }
  /// The sum of `value * 2^24`, cut off to whole numbers, over lanes above 0.
  static REDLINE_INLINE std::int64_t steps_above_zero(F value) noexcept {
    return value > 0.0f ? static_cast<std::int64_t>(value * 16777216.0f) : 0;
  }

  /// Bytes one after another, as floats.
  static REDLINE_INLINE F load_bytes(const std::uint8_t* from) noexcept { return *from; }
  /// Single bytes, as floats.
  static REDLINE_INLINE F gather_bytes(const std::uint8_t* from, I offsets) noexcept { return from[offsets]; }
  static REDLINE_INLINE F gather(const float* from, I offsets) noexcept { return from[offsets]; }
  /// The first two or three bytes of pixels. Nothing beyond them is read: the last pixel may end its memory.
  template <int kBytes>
  static REDLINE_INLINE I gather_pixels(const std::uint8_t* from, I offsets) noexcept {
    const std::uint8_t* at = from + offsets;
    const I pair = at[0] | (at[1] << 8);
    if constexpr (kBytes == 2) return pair;
    return pair | (at[2] << 16);
  }
  template <int kByte>
  static REDLINE_INLINE F byte_of(I pixels) noexcept {
    return static_cast<float>((pixels >> (8 * kByte)) & 0xff);
  }

  static REDLINE_INLINE void store_half(std::uint16_t* to, F value) noexcept { *to = half_from(value); }
  static REDLINE_INLINE void store_u8(std::uint8_t* to, F value) noexcept {
    *to = static_cast<std::uint8_t>(whole_of(max(min(value, 255.0f), 0.0f)));
  }
  static REDLINE_INLINE void store_i8(std::int8_t* to, F value) noexcept {
    *to = static_cast<std::int8_t>(whole_of(max(min(value, 127.0f), -128.0f)));
  }

 private:
  /// Rounds to nearest, ties to even, below 2^22: 1.5 x 2^23 leaves no room for a fraction.
  static REDLINE_INLINE int whole_of(float value) noexcept {
    return static_cast<int>((value + 12582912.0f) - 12582912.0f);
  }
};

/// Eight floats in a sum: lane t mod 8 takes tap t.
struct ScalarEight {
  float lanes[8];

  static REDLINE_INLINE ScalarEight zero() noexcept { return {{0, 0, 0, 0, 0, 0, 0, 0}}; }
  REDLINE_INLINE void add(const float* a) noexcept {
    for (int lane = 0; lane < 8; ++lane) lanes[lane] += a[lane];
  }
  REDLINE_INLINE void add_products(const float* a, const float* b) noexcept {
    for (int lane = 0; lane < 8; ++lane) lanes[lane] += a[lane] * b[lane];
  }
  REDLINE_INLINE float total() const noexcept {
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
  }
};

/// Eight doubles in a sum: lane t mod 8 takes tap t.
struct ScalarSum {
  double lanes[8];

  static REDLINE_INLINE ScalarSum zero() noexcept { return {{0, 0, 0, 0, 0, 0, 0, 0}}; }
  REDLINE_INLINE void add_products(const float* a, const float* b) noexcept {
    for (int lane = 0; lane < 8; ++lane) lanes[lane] += static_cast<double>(a[lane]) * static_cast<double>(b[lane]);
  }
  /// Squares of `now - factor * before`.
  REDLINE_INLINE void add_squares(const float* now, const float* before, double factor) noexcept {
    for (int lane = 0; lane < 8; ++lane) {
      const double difference = static_cast<double>(now[lane]) - factor * static_cast<double>(before[lane]);
      lanes[lane] += difference * difference;
    }
  }
  REDLINE_INLINE double total() const noexcept {
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
  }
};

}  // namespace

}  // namespace redline::ops
