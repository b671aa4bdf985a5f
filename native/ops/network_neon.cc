// Owns the network ops four lanes wide, for 64-bit ARM.

#if defined(__aarch64__) || defined(_M_ARM64)

#include "ops/lanes_neon.h"
#include "ops/network_lanes.h"

#include "ops/network.h"

namespace redline::ops {

namespace {

struct NeonNetworkLanes : NeonLanes {
  static REDLINE_INLINE F fma(F a, F b, F c) noexcept { return vfmaq_f32(c, a, b); }
  static REDLINE_INLINE F sqrt(F value) noexcept { return vsqrtq_f32(value); }
  static REDLINE_INLINE F at_least(F a, F b) noexcept {
    return vreinterpretq_f32_u32(vandq_u32(vcgeq_f32(a, b), vreinterpretq_u32_f32(vdupq_n_f32(1.0f))));
  }
};

/// Bytes widened to 16 bits and their products to 32: exact on every 64-bit ARM processor.
struct NeonDots {
  static constexpr std::size_t kTogether = 1;
  /// Four parts of each column's sum.
  int32x4_t sums[16];

  static REDLINE_INLINE NeonDots zero() noexcept {
    NeonDots made;
    for (int32x4_t& sum : made.sums) sum = vdupq_n_s32(0);
    return made;
  }
  REDLINE_INLINE void add(const std::int8_t* weights, std::uint32_t four) noexcept {
    const int16x8_t bytes = vreinterpretq_s16_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four))));
    const int16x4_t input = vget_low_s16(bytes);
    for (int quarter = 0; quarter < 4; ++quarter) {
      const int8x16_t narrow = vld1q_s8(weights + 16 * quarter);
      const int16x8_t low = vmovl_s8(vget_low_s8(narrow));
      const int16x8_t high = vmovl_s8(vget_high_s8(narrow));
      sums[4 * quarter] = vmlal_s16(sums[4 * quarter], vget_low_s16(low), input);
      sums[4 * quarter + 1] = vmlal_s16(sums[4 * quarter + 1], vget_high_s16(low), input);
      sums[4 * quarter + 2] = vmlal_s16(sums[4 * quarter + 2], vget_low_s16(high), input);
      sums[4 * quarter + 3] = vmlal_s16(sums[4 * quarter + 3], vget_high_s16(high), input);
    }
  }
  REDLINE_INLINE void store(std::int32_t* to) const noexcept {
    for (int column = 0; column < 16; ++column) to[column] = vaddvq_s32(sums[column]);
  }
};

}  // namespace

const NetworkSet* neon_network() noexcept {
  static constexpr NetworkSet set = network_set<NeonNetworkLanes, NeonDots>("neon");
  return &set;
}

}  // namespace redline::ops

#else

#include "ops/network_set.h"

namespace redline::ops {

const NetworkSet* neon_network() noexcept { return nullptr; }

}  // namespace redline::ops

#endif
