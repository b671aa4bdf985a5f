// Owns the mask op over lanes. Knows no instruction set.
// Invariant: each step rounds to float32 in the order runtime/ops/reference/mask.ts has.
#pragma once

#include "ops/lanes.h"
#include "ops/mask_plan.h"

namespace redline::ops {

namespace {

template <class L>
REDLINE_LANES REDLINE_INLINE typename L::F between(typename L::F first, typename L::F second, typename L::F weight) {
  return L::add(first, L::mul(L::sub(second, first), weight));
}

template <class L>
REDLINE_LANES REDLINE_INLINE void blend_margins(const float* top, const float* bottom, float down, float* line) {
  L::store(line, between<L>(L::load(top), L::load(bottom), L::set(down)));
}

template <class L>
REDLINE_LANES REDLINE_INLINE void write_mask(const MaskPlan& plan, std::int32_t x, std::uint8_t* to) {
  const auto left = L::gather(plan.scratch, L::load(plan.columns + x));
  const auto right = L::gather(plan.scratch, L::load(plan.columns + plan.width + x));
  L::store_above_zero(to, between<L>(left, right, L::load(plan.across + x)));
}

/// Reads the grid's margins, writes the image's bytes.
template <class L>
REDLINE_LANES void mask(const MaskPlan& plan, const float* margins, std::uint8_t* out) {
  for (std::int32_t y = 0; y < plan.height; ++y, out += plan.width) {
    const float* top = margins + plan.rows[y];
    const float* bottom = margins + plan.rows[plan.height + y];
    const float down = plan.down[y];
    std::int32_t u = 0;
    for (; u + L::kWidth <= plan.grid_width; u += L::kWidth) {
      blend_margins<L>(top + u, bottom + u, down, plan.scratch + u);
    }
    for (; u < plan.grid_width; ++u) blend_margins<ScalarLanes>(top + u, bottom + u, down, plan.scratch + u);
    std::int32_t x = 0;
    for (; x + L::kWidth <= plan.width; x += L::kWidth) write_mask<L>(plan, x, out + x);
    for (; x < plan.width; ++x) write_mask<ScalarLanes>(plan, x, out + x);
  }
}

}  // namespace

}  // namespace redline::ops
