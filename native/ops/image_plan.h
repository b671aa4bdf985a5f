// Owns the reading of an image plan's block of words. The layout is IMAGE_HEAD in runtime/ops/image-plan.ts.
// Invariant: a plan that was read keeps every load inside `source_bytes` and every store inside 3 x width x height.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redline::ops {

enum class Element { f32, f16, u8, i8 };

/// Bytes of one element.
std::size_t element_bytes(Element element) noexcept;

/// Tables of one axis: entry `tap * count + i` belongs to position `i`. Offsets rise with tap and with position.
struct ImageAxis {
  std::int32_t taps = 0;
  std::int32_t count = 0;
  const std::int32_t* offsets = nullptr;
  const float* weights = nullptr;
};

struct ImagePlan {
  bool is_planes = false;
  bool is_planar = false;
  bool is_area = false;
  Element element = Element::f32;
  std::int64_t source_bytes = 0;
  std::int32_t width = 0;
  std::int32_t height = 0;
  std::int32_t left = 0;
  std::int32_t top = 0;
  ImageAxis columns;
  ImageAxis rows;
  ImageAxis chroma_columns;
  ImageAxis chroma_rows;
  std::int32_t byte_of[3] = {};
  std::int32_t cb_offset = 0;
  std::int32_t cr_offset = 0;
  const float* gain = nullptr;
  const float* bias = nullptr;
  const float* pad = nullptr;
  float luma_bias = 0;
  float luma_gain = 0;
  const float* cb_weight = nullptr;
  const float* cr_weight = nullptr;

  std::size_t elements() const noexcept {
    return 3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  }
};

/// Throws Failure OP_ARGUMENT for a block that is not one of ours or leads out of its source. The plan refers to `words`.
ImagePlan read_image_plan(const std::int32_t* words, std::size_t count);

}  // namespace redline::ops
