// Owns the reading of a mask plan's block of words. The layout is MASK_HEAD in runtime/ops/mask-plan.ts.
// Invariant: a plan that was read keeps every load inside the grid and every store inside the image.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redline::ops {

struct MaskPlan {
  std::int32_t grid_width = 0;
  std::int32_t grid_height = 0;
  std::int32_t width = 0;
  std::int32_t height = 0;
  /// Two taps of each column, then of each row; a row's are offsets of its first margin.
  const std::int32_t* columns = nullptr;
  const float* across = nullptr;
  const std::int32_t* rows = nullptr;
  const float* down = nullptr;
  /// One row of the grid.
  float* scratch = nullptr;
};

/// Throws Failure OP_ARGUMENT for a block that is not one of ours or leads out of its grid. The plan refers to `words`.
MaskPlan read_mask_plan(std::int32_t* words, std::size_t count);

}  // namespace redline::ops
