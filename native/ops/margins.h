// Owns the margins op over lanes. Knows no instruction set.
// Invariant: each step rounds to float32 in the order runtime/ops/reference/margins.ts has, with the numbers of soft-margin.ts.
#pragma once

#include "ops/lanes.h"

namespace redline::ops {

namespace {

constexpr float kMarginLimit = static_cast<float>(7.998811721801758);
constexpr float kMarginOver[7] = {
    static_cast<float>(-2.76076847742355e-16), static_cast<float>(2.00018790482477e-13),
    static_cast<float>(-8.60467152213735e-11), static_cast<float>(5.12229709037114e-8),
    static_cast<float>(1.48572235717979e-5),   static_cast<float>(6.37261928875436e-4),
    static_cast<float>(4.89352455891786e-3)};
constexpr float kMarginUnder[4] = {static_cast<float>(1.19825839466702e-6), static_cast<float>(1.18534705686654e-4),
                                   static_cast<float>(2.268434632439e-3), static_cast<float>(4.89352518554385e-3)};

/// tanh(difference / 2), before NaN is taken out.
template <class L>
REDLINE_LANES REDLINE_INLINE typename L::F soft_margin(typename L::F difference) {
  const auto half = L::mul(difference, L::set(0.5f));
  const auto y = L::max(L::min(half, L::set(kMarginLimit)), L::set(-kMarginLimit));
  const auto square = L::mul(y, y);
  auto over = L::set(kMarginOver[0]);
  for (int power = 1; power < 7; ++power) over = L::add(L::mul(over, square), L::set(kMarginOver[power]));
  auto under = L::set(kMarginUnder[0]);
  for (int power = 1; power < 4; ++power) under = L::add(L::mul(under, square), L::set(kMarginUnder[power]));
  return L::div(L::mul(y, over), under);
}

struct MarginTotals {
  std::int64_t claimed = 0;
  std::int64_t steps = 0;
};

template <class L, bool kIsLogits>
REDLINE_LANES REDLINE_INLINE void margin_at(const float* scores, std::size_t pixels, float* margins, std::size_t at,
                                            MarginTotals* totals) {
  const auto difference = L::sub(L::load(scores + pixels + at), L::load(scores + at));
  auto margin = difference;
  if constexpr (kIsLogits) margin = soft_margin<L>(difference);
  margin = L::max(L::min(margin, L::set(1.0f)), L::set(-1.0f));
  // Adding 0 turns -0 into 0.
  margin = L::add(L::zero_nan(margin, difference), L::set(0.0f));
  L::store(margins + at, margin);
  for (std::uint32_t bits = L::above_zero(margin); bits != 0; bits &= bits - 1) ++totals->claimed;
  totals->steps += L::steps_above_zero(margin);
}

template <class L, bool kIsLogits>
REDLINE_LANES void margins_of(const float* scores, std::size_t pixels, float* margins, double* totals) {
  MarginTotals sums;
  std::size_t at = 0;
  for (; at + L::kWidth <= pixels; at += L::kWidth) margin_at<L, kIsLogits>(scores, pixels, margins, at, &sums);
  for (; at < pixels; ++at) margin_at<ScalarLanes, kIsLogits>(scores, pixels, margins, at, &sums);
  totals[0] = static_cast<double>(sums.claimed);
  totals[1] = static_cast<double>(sums.steps) / 16777216.0;
}

/// Reads 2 x pixels scores, writes pixels margins and two totals.
template <class L>
REDLINE_LANES void margins(const float* scores, std::size_t pixels, float* margins, double* totals, bool is_logits) {
  if (is_logits) return margins_of<L, true>(scores, pixels, margins, totals);
  margins_of<L, false>(scores, pixels, margins, totals);
}

}  // namespace

}  // namespace redline::ops
