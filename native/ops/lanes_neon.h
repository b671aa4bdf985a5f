// Owns four lanes of NEON, which every 64-bit ARM processor has. Knows no op.
#pragma once

#include <arm_neon.h>

#include "ops/lanes.h"

namespace redline::ops {

namespace {

struct NeonLanes {
  static constexpr int kWidth = 4;
  using F = float32x4_t;
  using I = int32x4_t;

  static REDLINE_INLINE F load(const float* from) noexcept { return vld1q_f32(from); }
  static REDLINE_INLINE I load(const std::int32_t* from) noexcept { return vld1q_s32(from); }
  static REDLINE_INLINE void store(float* to, F value) noexcept { vst1q_f32(to, value); }
  static REDLINE_INLINE F set(float value) noexcept { return vdupq_n_f32(value); }
  static REDLINE_INLINE F add(F a, F b) noexcept { return vaddq_f32(a, b); }
  static REDLINE_INLINE F sub(F a, F b) noexcept { return vsubq_f32(a, b); }
  static REDLINE_INLINE F mul(F a, F b) noexcept { return vmulq_f32(a, b); }
  static REDLINE_INLINE F div(F a, F b) noexcept { return vdivq_f32(a, b); }
  // Not vminq and vmaxq, which answer NaN for NaN and tell -0 from 0.
  static REDLINE_INLINE F min(F a, F b) noexcept { return vbslq_f32(vcltq_f32(a, b), a, b); }
  static REDLINE_INLINE F max(F a, F b) noexcept { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  static REDLINE_INLINE F sqrt(F value) noexcept { return vsqrtq_f32(value); }
  static REDLINE_INLINE F reverse(F value) noexcept {
    const F pairs = vrev64q_f32(value);
    return vcombine_f32(vget_high_f32(pairs), vget_low_f32(pairs));
  }
  static REDLINE_INLINE void unzip(const float* from, F* even, F* odd) noexcept {
    const float32x4x2_t both = vld2q_f32(from);
    *even = both.val[0];
    *odd = both.val[1];
  }
  static REDLINE_INLINE void store_columns(float* to, const F (&rows)[8]) noexcept {
    store_four_columns(to, rows);
    store_four_columns(to + 4, rows + 4);
  }
  static REDLINE_INLINE void split(F value, F* exponent, F* rest) noexcept {
    const int32x4_t bits = vreinterpretq_s32_f32(value);
    const int32x4_t power = vshrq_n_s32(vsubq_s32(bits, vdupq_n_s32(kHalfRootBits)), 23);
    *exponent = vcvtq_f32_s32(power);
    *rest = vreinterpretq_f32_s32(vsubq_s32(bits, vshlq_n_s32(power, 23)));
  }
  static REDLINE_INLINE F zero_nan(F value, F tested) noexcept {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(value), vceqq_f32(tested, tested)));
  }
  static REDLINE_INLINE std::uint32_t above(F a, F b) noexcept {
    const std::uint32_t bits[4] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vcgtq_f32(a, b), vld1q_u32(bits)));
  }
  static REDLINE_INLINE std::uint32_t above_zero(F value) noexcept { return above(value, vdupq_n_f32(0.0f)); }
  static REDLINE_INLINE void store_above_zero(std::uint8_t* to, F value) noexcept {
    const uint16x4_t words = vmovn_u32(vcgtq_f32(value, vdupq_n_f32(0.0f)));
    const std::uint32_t four = vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(words, words))), 0);
    std::memcpy(to, &four, 4);
  }
  static REDLINE_INLINE std::int64_t steps_above_zero(F value) noexcept {
    const uint32x4_t claimed = vandq_u32(vreinterpretq_u32_f32(value), vcgtq_f32(value, vdupq_n_f32(0.0f)));
    return vaddvq_s32(vcvtq_s32_f32(vmulq_f32(vreinterpretq_f32_u32(claimed), vdupq_n_f32(16777216.0f))));
  }

  static REDLINE_INLINE F load_bytes(const std::uint8_t* from) noexcept {
    std::uint32_t four;
    std::memcpy(&four, from, 4);
    const uint16x8_t words = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four)));
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(words)));
  }
  static REDLINE_INLINE F gather_bytes(const std::uint8_t* from, I offsets) noexcept {
    const std::int32_t found[4] = {from[vgetq_lane_s32(offsets, 0)], from[vgetq_lane_s32(offsets, 1)],
                                   from[vgetq_lane_s32(offsets, 2)], from[vgetq_lane_s32(offsets, 3)]};
    return vcvtq_f32_s32(vld1q_s32(found));
  }
  static REDLINE_INLINE F gather(const float* from, I offsets) noexcept {
    const float found[4] = {from[vgetq_lane_s32(offsets, 0)], from[vgetq_lane_s32(offsets, 1)],
                            from[vgetq_lane_s32(offsets, 2)], from[vgetq_lane_s32(offsets, 3)]};
    return vld1q_f32(found);
  }
  /// Reads four bytes from each offset on: the caller sees to it that the fourth may be read.
  template <int>
  static REDLINE_INLINE I gather_pixels(const std::uint8_t* from, I offsets) noexcept {
    std::int32_t found[4];
    std::memcpy(&found[0], from + vgetq_lane_s32(offsets, 0), 4);
    std::memcpy(&found[1], from + vgetq_lane_s32(offsets, 1), 4);
    std::memcpy(&found[2], from + vgetq_lane_s32(offsets, 2), 4);
    std::memcpy(&found[3], from + vgetq_lane_s32(offsets, 3), 4);
    return vld1q_s32(found);
  }
  template <int kByte>
  static REDLINE_INLINE F byte_of(I pixels) noexcept {
    return vcvtq_f32_s32(vandq_s32(vshlq_s32(pixels, vdupq_n_s32(-8 * kByte)), vdupq_n_s32(0xff)));
  }

  static REDLINE_INLINE void store_half(std::uint16_t* to, F value) noexcept {
    vst1_u16(to, vreinterpret_u16_f16(vcvt_f16_f32(value)));
  }
  static REDLINE_INLINE void store_u8(std::uint8_t* to, F value) noexcept {
    store_bytes(to, max(min(value, set(255.0f)), set(0.0f)));
  }
  static REDLINE_INLINE void store_i8(std::int8_t* to, F value) noexcept {
    store_bytes(to, max(min(value, set(127.0f)), set(-128.0f)));
  }

 private:
  /// Lane i of row k goes to 8 i + k.
  static REDLINE_INLINE void store_four_columns(float* to, const F* rows) noexcept {
    const float32x4x2_t low = vtrnq_f32(rows[0], rows[1]);
    const float32x4x2_t high = vtrnq_f32(rows[2], rows[3]);
    vst1q_f32(to, vcombine_f32(vget_low_f32(low.val[0]), vget_low_f32(high.val[0])));
    vst1q_f32(to + 8, vcombine_f32(vget_low_f32(low.val[1]), vget_low_f32(high.val[1])));
    vst1q_f32(to + 16, vcombine_f32(vget_high_f32(low.val[0]), vget_high_f32(high.val[0])));
    vst1q_f32(to + 24, vcombine_f32(vget_high_f32(low.val[1]), vget_high_f32(high.val[1])));
  }
  /// Rounded to nearest, ties to even, whatever the mode.
  template <typename Byte>
  static REDLINE_INLINE void store_bytes(Byte* to, F value) noexcept {
    const int16x4_t words = vmovn_s32(vcvtnq_s32_f32(value));
    const int8x8_t bytes = vmovn_s16(vcombine_s16(words, words));
    const std::int32_t four = vget_lane_s32(vreinterpret_s32_s8(bytes), 0);
    std::memcpy(to, &four, 4);
  }
};

/// Eight floats in a sum: lane t mod 8 takes tap t.
struct NeonEight {
  float32x4_t low;
  float32x4_t high;

  static REDLINE_INLINE NeonEight zero() noexcept { return {vdupq_n_f32(0), vdupq_n_f32(0)}; }
  REDLINE_INLINE void add(const float* a) noexcept {
    low = vaddq_f32(low, vld1q_f32(a));
    high = vaddq_f32(high, vld1q_f32(a + 4));
  }
  REDLINE_INLINE void add_products(const float* a, const float* b) noexcept {
    low = vaddq_f32(low, vmulq_f32(vld1q_f32(a), vld1q_f32(b)));
    high = vaddq_f32(high, vmulq_f32(vld1q_f32(a + 4), vld1q_f32(b + 4)));
  }
  /// ((0+4)+(2+6))+((1+5)+(3+7)).
  REDLINE_INLINE float total() const noexcept {
    const float32x4_t four = vaddq_f32(low, high);
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }
};

/// Eight doubles in a sum: lane t mod 8 takes tap t.
struct NeonSum {
  float64x2_t lanes[4];

  static REDLINE_INLINE NeonSum zero() noexcept {
    return {{vdupq_n_f64(0), vdupq_n_f64(0), vdupq_n_f64(0), vdupq_n_f64(0)}};
  }
  REDLINE_INLINE void add_products(const float* a, const float* b) noexcept {
    for (int pair = 0; pair < 4; ++pair) {
      const float64x2_t product =
          vmulq_f64(vcvt_f64_f32(vld1_f32(a + 2 * pair)), vcvt_f64_f32(vld1_f32(b + 2 * pair)));
      lanes[pair] = vaddq_f64(lanes[pair], product);
    }
  }
  REDLINE_INLINE void add_squares(const float* now, const float* before, double factor) noexcept {
    for (int pair = 0; pair < 4; ++pair) {
      const float64x2_t weighed = vmulq_f64(vdupq_n_f64(factor), vcvt_f64_f32(vld1_f32(before + 2 * pair)));
      const float64x2_t difference = vsubq_f64(vcvt_f64_f32(vld1_f32(now + 2 * pair)), weighed);
      lanes[pair] = vaddq_f64(lanes[pair], vmulq_f64(difference, difference));
    }
  }
  REDLINE_INLINE double total() const noexcept {
    // Pairs are (0,1), (2,3), (4,5), (6,7).
    const float64x2_t two = vaddq_f64(vaddq_f64(lanes[0], lanes[2]), vaddq_f64(lanes[1], lanes[3]));
    return vgetq_lane_f64(two, 0) + vgetq_lane_f64(two, 1);
  }
};

}  // namespace

}  // namespace redline::ops
