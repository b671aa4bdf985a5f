// Owns the boxes op over lanes: scores in vectors, the few boxes above the threshold one by one. Knows no instruction set.
// Invariant: each step rounds to float32 in the order runtime/ops/reference/boxes.ts has.
#pragma once

#include <limits>

#include "ops/boxes_plan.h"
#include "ops/lanes.h"
#include "ops/margins.h"

namespace redline::ops {

namespace {

/// Anchors whose scores are found together: some rows of them stay in the nearest cache.
constexpr std::int64_t kBoxBlock = 128;
constexpr std::size_t kBoxFields = 6;

/// 1 / k! for k from 13 down to 0.
constexpr double kExponentialSeries[14] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                                           1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                                           1.0 / 120,        1.0 / 24,        1.0 / 6,        1.0 / 2,
                                           1.0,              1.0};

/// e^x rounded to float, x held between -87 and 88; NaN of NaN.
REDLINE_INLINE float exponential(float value) noexcept {
  if (value != value) return value;
  const double x = value < -87.0f ? -87.0 : value > 88.0f ? 88.0 : static_cast<double>(value);
  const double twos = std::floor(x * 1.4426950408889634 + 0.5);
  const double rest = x - twos * 0.6931471805599453;
  double sum = 0;
  for (const double term : kExponentialSeries) sum = sum * rest + term;
  const std::int64_t bits = (static_cast<std::int64_t>(twos) + 1023) << 52;
  double power;
  std::memcpy(&power, &bits, sizeof(power));
  return static_cast<float>(sum * power);
}

/// The logistic function; what it gives for NaN does not count.
template <class L>
REDLINE_LANES REDLINE_INLINE typename L::F logistic(typename L::F value) {
  const auto margin = L::max(L::min(soft_margin<L>(value), L::set(1.0f)), L::set(-1.0f));
  return L::add(L::mul(L::add(margin, L::set(0.0f)), L::set(0.5f)), L::set(0.5f));
}

struct BoxBlock {
  float best[kBoxBlock];
  float objectness[kBoxBlock];
  float score[kBoxBlock];
};

/// The largest score of each anchor where anchors lie one after another.
template <class L>
REDLINE_LANES void best_across(const BoxesPlan& plan, const float* from, std::int64_t count, float* best) {
  for (std::int64_t at = 0; at < count; ++at) best[at] = -std::numeric_limits<float>::infinity();
  for (std::int64_t kind = plan.first_class; kind < plan.classes; ++kind) {
    const float* row = from + kind * plan.score_field;
    std::int64_t at = 0;
    for (; at + L::kWidth <= count; at += L::kWidth) L::store(best + at, L::max(L::load(row + at), L::load(best + at)));
    for (; at < count; ++at) best[at] = ScalarLanes::max(row[at], best[at]);
  }
}

/// The largest score of one anchor whose classes lie one after another.
template <class L>
REDLINE_LANES REDLINE_INLINE float best_along(const float* from, std::int64_t count) {
  float best = -std::numeric_limits<float>::infinity();
  std::int64_t at = 0;
  if (count >= L::kWidth) {
    auto lanes = L::set(best);
    for (; at + L::kWidth <= count; at += L::kWidth) lanes = L::max(L::load(from + at), lanes);
    float found[L::kWidth];
    L::store(found, lanes);
    for (int lane = 0; lane < L::kWidth; ++lane) best = ScalarLanes::max(found[lane], best);
  }
  for (; at < count; ++at) best = ScalarLanes::max(from[at], best);
  return best;
}

template <class L>
REDLINE_LANES REDLINE_INLINE void score_at(const BoxesPlan& plan, BoxBlock* block, std::int64_t at) {
  auto score = L::load(block->best + at);
  if (plan.is_logits) score = logistic<L>(score);
  if (plan.objectness >= 0) {
    const auto objectness = L::load(block->objectness + at);
    score = L::mul(score, plan.is_logits ? logistic<L>(objectness) : objectness);
    score = L::zero_nan(score, objectness);
  }
  L::store(block->score + at, score);
}

template <class L>
REDLINE_LANES void score_block(const BoxesPlan& plan, const float* scores, std::int64_t first, std::int64_t count,
                               BoxBlock* block) {
  const float* classes = scores + plan.class_start + first * plan.score_anchor;
  if (plan.score_anchor == 1) {
    best_across<L>(plan, classes, count, block->best);
  } else {
    for (std::int64_t at = 0; at < count; ++at) {
      block->best[at] = best_along<L>(classes + at * plan.score_anchor + plan.first_class,
                                      plan.classes - plan.first_class);
    }
  }
  if (plan.objectness >= 0) {
    const float* objectness = scores + plan.objectness + first * plan.score_anchor;
    for (std::int64_t at = 0; at < count; ++at) block->objectness[at] = objectness[at * plan.score_anchor];
  }
  std::int64_t at = 0;
  for (; at + L::kWidth <= count; at += L::kWidth) score_at<L>(plan, block, at);
  for (; at < count; ++at) score_at<ScalarLanes>(plan, block, at);
}

/// Held within the image, if it is cut at all; NaN stays NaN.
REDLINE_INLINE float cut(const BoxesPlan& plan, float value, int axis) noexcept {
  if (!plan.is_cut) return value;
  if (value < 0) return 0;
  return value > plan.image[axis] ? plan.image[axis] : value;
}

/// Writes left, top, right and bottom; answers whether they make a box.
REDLINE_INLINE bool place_box(const BoxesPlan& plan, const float* boxes, std::int64_t anchor, float* corners) noexcept {
  for (int axis = 0; axis < 2; ++axis) {
    const int field = plan.is_yx ? 1 - axis : axis;
    const float* at = boxes + anchor * plan.box_anchor + field * plan.box_field;
    float from = at[0];
    float to = at[2 * plan.box_field];
    if (plan.form == BoxForm::anchors) {
      const float* prior = plan.priors + 4 * anchor + axis;
      const float growth = to * plan.variances[1];
      from = prior[0] + (from * plan.variances[0]) * prior[2];
      to = prior[2] * (plan.is_linear ? growth : exponential(growth));
    }
    if (plan.form != BoxForm::corners) {
      const float half = 0.5f * to;
      to = from + half;
      from = from - half;
    }
    corners[axis] = cut(plan, from * plan.scale[axis] + plan.offset[axis], axis);
    corners[axis + 2] = cut(plan, to * plan.scale[axis] + plan.offset[axis], axis);
  }
  // Only of NaN and infinity is the difference from itself not 0.
  for (int corner = 0; corner < 4; ++corner) {
    if (corners[corner] - corners[corner] != 0.0f) return false;
  }
  return corners[2] > corners[0] && corners[3] > corners[1];
}

/// Writes as many rows of six as fit and answers how many there are.
template <class L>
REDLINE_LANES std::size_t boxes(const BoxesPlan& plan, const float* scores, const float* boxes, float* out,
                                std::size_t capacity) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  BoxBlock block;
  std::size_t count = 0;
  for (std::int64_t first = 0; first < plan.anchors; first += kBoxBlock) {
    const std::int64_t size = plan.anchors - first < kBoxBlock ? plan.anchors - first : kBoxBlock;
    score_block<L>(plan, scores, first, size, &block);
    for (std::int64_t at = 0; at < size; ++at) {
      const float score = block.score[at];
      if (!(score > plan.threshold) || score == kInfinity || block.best[at] == -kInfinity) continue;
      float corners[4];
      if (!place_box(plan, boxes, first + at, corners)) continue;
      if (count < capacity) {
        float* to = out + kBoxFields * count;
        std::memcpy(to, corners, sizeof(corners));
        to[4] = score;
        const float* classes = scores + plan.class_start + (first + at) * plan.score_anchor;
        std::int64_t kind = plan.first_class;
        while (classes[kind * plan.score_field] != block.best[at]) ++kind;
        to[5] = static_cast<float>(kind);
      }
      ++count;
    }
  }
  return count;
}

}  // namespace

}  // namespace redline::ops
