// Owns the checks of a boxes plan's block: the farthest number of each view that any step reaches, and the priors.

#include "ops/boxes_plan.h"

#include <string>

#include "host/failure.h"

namespace redline::ops {

namespace {

constexpr std::int32_t kMark = 0x31584f42;
constexpr std::int64_t kHeadWords = 28;
constexpr std::int32_t kAnchorsMax = 262144;
constexpr std::int32_t kClassesMax = 4096;

[[noreturn]] void refuse(const std::string& why) { throw Failure("OP_ARGUMENT", "words: " + why); }

class Block {
 public:
  explicit Block(const std::int32_t* words) : words_(words) {}

  std::int32_t whole(std::size_t at, std::int32_t first, std::int32_t last) const {
    const std::int32_t value = words_[at];
    if (value >= first && value <= last) return value;
    refuse("word " + std::to_string(at) + " is " + std::to_string(value));
  }

  float number(std::size_t at) const { return reinterpret_cast<const float*>(words_)[at]; }

 private:
  const std::int32_t* words_;
};

void require_reach(std::int64_t last, std::int64_t length) {
  if (last >= length) refuse("reaches number " + std::to_string(last) + " of " + std::to_string(length));
}

}  // namespace

BoxesPlan read_boxes_plan(const std::int32_t* words, std::size_t count) {
  if (count < static_cast<std::size_t>(kHeadWords) || words[0] != kMark ||
      words[1] != static_cast<std::int64_t>(count)) {
    refuse("not the block of a boxes plan");
  }
  const Block block(words);
  BoxesPlan plan;
  plan.anchors = block.whole(2, 1, kAnchorsMax);
  plan.classes = block.whole(4, 1, kClassesMax);
  plan.first_class = block.whole(3, 0, static_cast<std::int32_t>(plan.classes) - 1);
  plan.boxes_length = block.whole(5, 1, INT32_MAX);
  plan.scores_length = block.whole(6, 1, INT32_MAX);
  plan.box_anchor = block.whole(7, 1, INT32_MAX);
  plan.box_field = block.whole(8, 1, INT32_MAX);
  plan.score_anchor = block.whole(9, 1, INT32_MAX);
  plan.score_field = block.whole(10, 1, INT32_MAX);
  plan.objectness = block.whole(11, -1, INT32_MAX);
  plan.class_start = block.whole(12, 0, INT32_MAX);
  plan.is_logits = block.whole(13, 0, 1) == 1;
  plan.form = static_cast<BoxForm>(block.whole(14, 0, 2));
  plan.is_yx = block.whole(15, 0, 1) == 1;
  plan.is_linear = block.whole(16, 0, 1) == 1;
  plan.is_cut = block.whole(17, 0, 1) == 1;
  // One of the two steps is 1: classes, or anchors, lie one after another.
  if (plan.score_field != 1 && plan.score_anchor != 1) refuse("scores that lie apart both ways");
  const std::int64_t last = plan.anchors - 1;
  require_reach(last * plan.box_anchor + 3 * plan.box_field, plan.boxes_length);
  require_reach(plan.class_start + last * plan.score_anchor + (plan.classes - 1) * plan.score_field,
                plan.scores_length);
  if (plan.objectness >= 0) require_reach(plan.objectness + last * plan.score_anchor, plan.scores_length);
  plan.threshold = block.number(18);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    plan.variances[axis] = block.number(19 + axis);
    plan.scale[axis] = block.number(21 + axis);
    plan.offset[axis] = block.number(23 + axis);
    plan.image[axis] = block.number(25 + axis);
  }
  const std::int64_t priors = block.whole(27, static_cast<std::int32_t>(kHeadWords), INT32_MAX);
  if (plan.form == BoxForm::anchors && priors + 4 * plan.anchors > words[1]) refuse("priors outside the block");
  plan.priors = reinterpret_cast<const float*>(words) + priors;
  return plan;
}

}  // namespace redline::ops
