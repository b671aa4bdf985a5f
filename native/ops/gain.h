// Owns the gain op over lanes. Knows no instruction set.
// Invariant: each step rounds to float32 in the order runtime/ops/reference/gain.ts has.
#pragma once

#include "ops/lanes.h"

namespace redline::ops {

namespace {

template <class L>
REDLINE_LANES REDLINE_INLINE std::uint32_t gain_at(const float* samples, float* out, float by, float limit) {
  const auto product = L::mul(L::load(samples), L::set(by));
  const auto most = L::set(limit);
  const auto least = L::set(-limit);
  L::store(out, L::zero_nan(L::max(L::min(product, most), least), product));
  return L::above(product, most) | L::above(least, product);
}

/// Writes `count` samples and answers how many were held at the limit.
template <class L>
REDLINE_LANES std::size_t gain(const float* samples, std::size_t count, float* out, float by, float limit) {
  std::size_t held = 0;
  std::size_t at = 0;
  for (; at + L::kWidth <= count; at += L::kWidth) {
    for (std::uint32_t bits = gain_at<L>(samples + at, out + at, by, limit); bits != 0; bits &= bits - 1) ++held;
  }
  for (; at < count; ++at) held += gain_at<ScalarLanes>(samples + at, out + at, by, limit);
  return held;
}

}  // namespace

}  // namespace redline::ops
