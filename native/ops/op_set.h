// Owns the list of the ops' implementations, one for each instruction set. Knows no JavaScript.
// Invariant: a set is listed only where the processor and the operating system can run it; all sets give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ops/boxes_plan.h"
#include "ops/image_plan.h"
#include "ops/mask_plan.h"
#include "ops/spectrum_plan.h"

namespace redline::ops {

/// Every window lies inside `input`: from `start + (fraction + k down) / up`, `taps` long.
struct ResampleCall {
  const float* table;
  const float* input;
  float* output;
  std::size_t outputs;
  std::int64_t taps;
  std::int64_t phases;
  std::int64_t up;
  std::int64_t down;
  std::int64_t start;
  std::int64_t fraction;
};

struct LevelCall {
  const float* samples;
  std::size_t count;
  /// Five: emphasised squares, squares, peak, clipped, not finite.
  double* stats;
  double pre_emphasis;
  float previous;
  double clips_at;
};

/// Rows of six: left, top, right, bottom, score, class. `order` holds `count`, `kept` six times `keep` and eight.
struct SuppressCall {
  const float* rows;
  std::size_t count;
  float* out;
  std::size_t keep;
  std::int32_t* order;
  float* kept;
  float overlap;
  bool is_together;
};

/// Regions of four: left, top, width, height. Scratch memory is as runtime/ops/blur-plan.ts lays it out.
struct BlurCall {
  const std::int32_t* region;
  std::size_t regions;
  std::uint8_t* image;
  float* row_sums;
  float* column_sums;
  std::uint8_t* rows;
  std::int64_t width;
  std::int64_t height;
  std::int64_t channels;
  std::int64_t stride;
  std::int64_t radius;
  std::int64_t passes;
};

struct OpSet {
  const char* name;
  void (*image)(const ImagePlan& plan, const std::uint8_t* source, void* target);
  void (*margins)(const float* scores, std::size_t pixels, float* margins, double* totals, bool is_logits);
  void (*mask)(const MaskPlan& plan, const float* margins, std::uint8_t* out);
  std::size_t (*runs)(const float* margins, std::size_t width, std::size_t height, double* out, std::size_t capacity);
  void (*resample)(const ResampleCall& call);
  void (*level)(const LevelCall& call);
  /// Samples are float or std::int16_t, as the plan says.
  void (*stft)(const SpectrumPlan& plan, const void* samples, float* out);
  void (*log_mel)(const SpectrumPlan& plan, const void* samples, float* out);
  std::size_t (*gain)(const float* samples, std::size_t count, float* out, float by, float limit);
  std::size_t (*boxes)(const BoxesPlan& plan, const float* scores, const float* boxes, float* out, std::size_t capacity);
  std::size_t (*suppress)(const SuppressCall& call);
  void (*blur)(const BlurCall& call);
};

/// Each defined by its own file; null where it is compiled for another processor.
const OpSet* scalar_set() noexcept;
const OpSet* avx2_set() noexcept;
const OpSet* neon_set() noexcept;

/// What runs here, in rising order: scalar first.
const std::vector<const OpSet*>& op_sets();

}  // namespace redline::ops
