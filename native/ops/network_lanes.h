// Owns the scalar lanes of the network ops: what lanes.h has, a product that is added, a root, and sums of bytes. Knows no op.
// Four bytes are read as one word, lowest first: every processor in reach has them so.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "ops/lanes.h"

namespace redline::ops {

namespace {

struct ScalarNetworkLanes : ScalarLanes {
  static REDLINE_INLINE F fma(F a, F b, F c) noexcept { return a * b + c; }
  static REDLINE_INLINE F sqrt(F value) noexcept { return std::sqrt(value); }
  static REDLINE_INLINE F at_least(F a, F b) noexcept { return a >= b ? 1.0f : 0.0f; }
};

/// Sums of bytes: unsigned ones of the input, signed ones of sixteen columns, four at a time.
struct ScalarDots {
  static constexpr std::size_t kTogether = 1;
  std::int32_t sums[16];

  static REDLINE_INLINE ScalarDots zero() noexcept { return {}; }
  REDLINE_INLINE void add(const std::int8_t* weights, std::uint32_t four) noexcept {
    for (int column = 0; column < 16; ++column) {
      for (int byte = 0; byte < 4; ++byte) {
        sums[column] += static_cast<std::int32_t>((four >> (8 * byte)) & 0xff) * weights[4 * column + byte];
      }
    }
  }
  REDLINE_INLINE void store(std::int32_t* to) const noexcept { std::memcpy(to, sums, sizeof(sums)); }
};

}  // namespace

}  // namespace redline::ops
