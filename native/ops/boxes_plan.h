// Owns the reading of a boxes plan's block of words. The layout is BOXES_HEAD in runtime/ops/boxes-plan.ts.
// Invariant: a plan that was read keeps every load inside views of its lengths.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redline::ops {

enum class BoxForm { corners, centre, anchors };

struct BoxesPlan {
  std::int64_t anchors = 0;
  std::int64_t first_class = 0;
  std::int64_t classes = 0;
  std::int64_t boxes_length = 0;
  std::int64_t scores_length = 0;
  std::int64_t box_anchor = 0;
  std::int64_t box_field = 0;
  std::int64_t score_anchor = 0;
  std::int64_t score_field = 0;
  /// Below 0: there is none.
  std::int64_t objectness = 0;
  std::int64_t class_start = 0;
  bool is_logits = false;
  BoxForm form = BoxForm::corners;
  bool is_yx = false;
  bool is_linear = false;
  bool is_cut = false;
  float threshold = 0;
  float variances[2] = {};
  float scale[2] = {};
  float offset[2] = {};
  float image[2] = {};
  const float* priors = nullptr;
};

/// Throws Failure OP_ARGUMENT for a block that is not one of ours or leads out of its views. The plan refers to `words`.
BoxesPlan read_boxes_plan(const std::int32_t* words, std::size_t count);

}  // namespace redline::ops
