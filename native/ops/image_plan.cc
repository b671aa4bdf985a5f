// Owns the checks of an image plan's block: sizes, tables, and the farthest byte that any of them reaches.

#include "ops/image_plan.h"

#include <string>

#include "host/failure.h"

namespace redline::ops {

namespace {

constexpr std::int32_t kMark = 0x31474d49;
constexpr std::size_t kHeadWords = 47;
constexpr std::int32_t kSideMax = 16384;

[[noreturn]] void refuse(const std::string& why) { throw Failure("OP_ARGUMENT", "words: " + why); }

/// Floats lie in the block as their bits. Reading them as floats is what the block is for.
const float* floats_at(const std::int32_t* words, std::size_t at) noexcept {
  return reinterpret_cast<const float*>(words + at);
}

struct Range {
  std::int32_t first;
  std::int32_t last;
};

class Block {
 public:
  Block(const std::int32_t* words, std::size_t count) : words_(words), count_(count) {}

  std::int32_t whole(std::size_t at, Range range) const {
    const std::int32_t value = words_[at];
    if (value >= range.first && value <= range.last) return value;
    refuse("word " + std::to_string(at) + " is " + std::to_string(value));
  }

  ImageAxis axis(std::size_t at, std::int32_t count, bool is_area) const {
    ImageAxis axis;
    axis.taps = whole(at, {is_area ? 1 : 2, is_area ? kSideMax + 1 : 2});
    axis.count = count;
    const std::int64_t size = static_cast<std::int64_t>(axis.taps) * count;
    axis.offsets = words_ + table(words_[at + 1], size);
    axis.weights = floats_at(words_, table(words_[at + 2], is_area ? size : count));
    for (std::int64_t i = 0; i < size; ++i) {
      const bool rises_with_position = i % count == 0 || axis.offsets[i] >= axis.offsets[i - 1];
      const bool rises_with_tap = i < count || axis.offsets[i] >= axis.offsets[i - count];
      if (axis.offsets[i] < 0 || !rises_with_position || !rises_with_tap) refuse("an axis that falls");
    }
    return axis;
  }

 private:
  std::size_t table(std::int32_t at, std::int64_t size) const {
    if (at < static_cast<std::int64_t>(kHeadWords) || at + size > static_cast<std::int64_t>(count_)) {
      refuse("a table outside the block");
    }
    return static_cast<std::size_t>(at);
  }

  const std::int32_t* words_;
  std::size_t count_;
};

/// The largest offset of an axis: it rises with tap and position.
std::int64_t last_of(const ImageAxis& axis) noexcept {
  return axis.offsets[static_cast<std::int64_t>(axis.taps) * axis.count - 1];
}

void require_reach(std::int64_t last, std::int64_t source_bytes) {
  if (last >= source_bytes) refuse("reaches byte " + std::to_string(last) + " of " + std::to_string(source_bytes));
}

}  // namespace

std::size_t element_bytes(Element element) noexcept {
  return element == Element::f32 ? 4 : element == Element::f16 ? 2 : 1;
}

ImagePlan read_image_plan(const std::int32_t* words, std::size_t count) {
  if (count < kHeadWords || words[0] != kMark || words[1] != static_cast<std::int64_t>(count)) {
    refuse("not the block of an image plan");
  }
  const Block block(words, count);
  ImagePlan plan;
  plan.is_planes = block.whole(2, {0, 1}) == 1;
  plan.source_bytes = block.whole(3, {1, INT32_MAX - 64});
  plan.width = block.whole(4, {1, kSideMax});
  plan.height = block.whole(5, {1, kSideMax});
  plan.left = block.whole(6, {0, plan.width - 1});
  plan.top = block.whole(7, {0, plan.height - 1});
  const std::int32_t content_width = block.whole(8, {1, plan.width - plan.left});
  const std::int32_t content_height = block.whole(9, {1, plan.height - plan.top});
  plan.is_planar = block.whole(10, {0, 1}) == 1;
  plan.element = static_cast<Element>(block.whole(11, {0, 3}));
  plan.is_area = block.whole(12, {0, 1}) == 1;
  plan.columns = block.axis(13, content_width, plan.is_area);
  plan.rows = block.axis(16, content_height, plan.is_area);
  const std::int64_t last = last_of(plan.columns) + last_of(plan.rows);
  if (plan.is_planes) {
    plan.chroma_columns = block.axis(19, content_width, plan.is_area);
    plan.chroma_rows = block.axis(22, content_height, plan.is_area);
    plan.cb_offset = block.whole(28, {0, INT32_MAX - 64});
    plan.cr_offset = block.whole(29, {0, INT32_MAX - 64});
    const std::int64_t last_chroma = last_of(plan.chroma_columns) + last_of(plan.chroma_rows);
    require_reach(last, plan.source_bytes);
    require_reach(last_chroma + plan.cb_offset, plan.source_bytes);
    require_reach(last_chroma + plan.cr_offset, plan.source_bytes);
  } else {
    for (std::size_t channel = 0; channel < 3; ++channel) plan.byte_of[channel] = block.whole(25 + channel, {0, 2});
    require_reach(last + 2, plan.source_bytes);
  }
  plan.gain = floats_at(words, 30);
  plan.bias = floats_at(words, 33);
  plan.pad = floats_at(words, 36);
  plan.luma_bias = *floats_at(words, 39);
  plan.luma_gain = *floats_at(words, 40);
  plan.cb_weight = floats_at(words, 41);
  plan.cr_weight = floats_at(words, 44);
  return plan;
}

}  // namespace redline::ops
