// Owns the checks of a mask plan's block: sizes, tables, and every index in them.

#include "ops/mask_plan.h"

#include <string>

#include "host/failure.h"

namespace redline::ops {

namespace {

constexpr std::int32_t kMark = 0x314b534d;
constexpr std::int64_t kHeadWords = 11;
constexpr std::int32_t kSideMax = 16384;

[[noreturn]] void refuse(const char* why) { throw Failure("OP_ARGUMENT", std::string("words: ") + why); }

std::int32_t side(std::int32_t value) {
  if (value < 1 || value > kSideMax) refuse("a side that is no size");
  return value;
}

std::int32_t* table(std::int32_t* words, std::size_t count, std::int32_t at, std::int64_t size) {
  if (at < kHeadWords || at + size > static_cast<std::int64_t>(count)) refuse("a table outside the block");
  return words + at;
}

void require_indices(const std::int32_t* indices, std::int64_t count, std::int64_t last) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (indices[i] < 0 || indices[i] > last) refuse("an index outside the grid");
  }
}

}  // namespace

MaskPlan read_mask_plan(std::int32_t* words, std::size_t count) {
  if (count < static_cast<std::size_t>(kHeadWords) || words[0] != kMark ||
      words[1] != static_cast<std::int64_t>(count)) {
    refuse("not the block of a mask plan");
  }
  MaskPlan plan;
  plan.grid_width = side(words[2]);
  plan.grid_height = side(words[3]);
  plan.width = side(words[4]);
  plan.height = side(words[5]);
  const std::int64_t width = plan.width;
  const std::int64_t height = plan.height;
  plan.columns = table(words, count, words[6], 2 * width);
  plan.across = reinterpret_cast<const float*>(table(words, count, words[7], width));
  plan.rows = table(words, count, words[8], 2 * height);
  plan.down = reinterpret_cast<const float*>(table(words, count, words[9], height));
  plan.scratch = reinterpret_cast<float*>(table(words, count, words[10], plan.grid_width));
  require_indices(plan.columns, 2 * width, plan.grid_width - 1);
  require_indices(plan.rows, 2 * height, static_cast<std::int64_t>(plan.grid_width) * (plan.grid_height - 1));
  // The scratch row is written: it may hold no table.
  if (words[10] < words[9] + height || words[9] < words[8] + 2 * height || words[8] < words[7] + width ||
      words[7] < words[6] + 2 * width) {
    refuse("tables that overlap");
  }
  return plan;
}

}  // namespace redline::ops
