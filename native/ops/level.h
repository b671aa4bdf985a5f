// Owns the level op over lanes. Knows no instruction set.
// Invariant: sums run in eight lanes of double, added up in the order runtime/ops/reference/level.ts has.
#pragma once

#include "ops/lanes.h"
#include "ops/op_set.h"

namespace redline::ops {

namespace {

constexpr std::size_t kLevelBlock = 256;

/// Samples of a block with 0 for what is not finite; the one before it lies at the front.
struct LevelBlock {
  float samples[1 + kLevelBlock];

  /// Answers how many were not finite. What is left of the last eight is filled with zeros.
  REDLINE_LANES REDLINE_INLINE std::int32_t take(const float* from, std::size_t count) noexcept {
    std::int32_t non_finite = 0;
    for (std::size_t i = 0; i < count; ++i) {
      std::uint32_t bits;
      std::memcpy(&bits, from + i, sizeof(bits));
      const bool is_finite = (bits & 0x7f800000u) != 0x7f800000u;
      bits = is_finite ? bits : 0;
      std::memcpy(samples + 1 + i, &bits, sizeof(bits));
      non_finite += is_finite ? 0 : 1;
    }
    return non_finite;
  }
};

template <class Sum>
REDLINE_LANES void level(const LevelCall& call) {
  Sum emphasised = Sum::zero();
  Sum squares = Sum::zero();
  std::int64_t clipped = 0;
  std::int64_t non_finite = 0;
  float peak = 0;
  LevelBlock block;
  block.samples[0] = call.previous - call.previous == 0 ? call.previous : 0.0f;
  for (std::size_t start = 0; start < call.count; start += kLevelBlock) {
    const std::size_t count = call.count - start < kLevelBlock ? call.count - start : kLevelBlock;
    non_finite += block.take(call.samples + start, count);
    const float* now = block.samples + 1;
    std::size_t at = 0;
    for (; at + 8 <= count; at += 8) {
      emphasised.add_squares(now + at, now + at - 1, call.pre_emphasis);
      squares.add_products(now + at, now + at);
    }
    if (at < count) {
      float last[8] = {};
      float before[8] = {};
      for (std::size_t i = 0; at + i < count; ++i) {
        last[i] = now[at + i];
        before[i] = now[at + i - 1];
      }
      emphasised.add_squares(last, before, call.pre_emphasis);
      squares.add_products(last, last);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const float size = now[i] < 0 ? -now[i] : now[i];
      peak = size > peak ? size : peak;
      clipped += static_cast<double>(size) >= call.clips_at ? 1 : 0;
    }
    block.samples[0] = now[count - 1];
  }
  call.stats[0] = emphasised.total();
  call.stats[1] = squares.total();
  call.stats[2] = static_cast<double>(peak);
  call.stats[3] = static_cast<double>(clipped);
  call.stats[4] = static_cast<double>(non_finite);
}

}  // namespace

}  // namespace redline::ops
