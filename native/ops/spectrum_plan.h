// Owns the reading of a spectrum plan's block of words. The layout is SPECTRUM_HEAD in runtime/ops/spectrum-plan.ts.
// Invariant: a plan that was read keeps every load inside its samples and tables, and every store inside its scratch memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redline::ops {

enum class Edges { none, reflect, zeros };

struct SpectrumPlan {
  std::int64_t samples = 0;
  std::int64_t frames = 0;
  std::int64_t hop = 0;
  std::int64_t frame_samples = 0;
  std::int64_t start = 0;
  std::int32_t points = 0;
  int passes = 0;
  std::int32_t radices[8] = {};
  Edges edges = Edges::none;
  bool is_integer = false;
  bool removes_mean = false;
  bool is_power = false;
  bool is_bands_first = false;
  float scale = 0;
  float pre_emphasis = 0;
  const float* window = nullptr;
  const float* twiddles = nullptr;
  const float* splits = nullptr;
  /// None where bins are wanted. Rows of first bin, taps, place among the weights; taps come in eights.
  std::int32_t bands = 0;
  const std::int32_t* band_rows = nullptr;
  const float* band_weights = nullptr;
  float floor = 0;
  float log_factor = 0;
  float range = 0;
  float gain = 0;
  float bias = 0;
  /// A frame's samples; one float before them may be written.
  float* frame = nullptr;
  float* signal = nullptr;
  float* halves = nullptr;
  float* bins = nullptr;
  float* logs = nullptr;

  std::size_t elements() const noexcept {
    return static_cast<std::size_t>(frames) * static_cast<std::size_t>(bands > 0 ? bands : points / 2 + 1);
  }
};

/// Throws Failure OP_ARGUMENT for a block that is not one of ours or leads out of its samples. The plan refers to `words`.
SpectrumPlan read_spectrum_plan(std::int32_t* words, std::size_t count);

}  // namespace redline::ops
