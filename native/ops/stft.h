// Owns the stft op over lanes, and the frames that log-mel shares with it. Knows no instruction set.
// Invariant: each step rounds to float32 in the order runtime/ops/reference/stft.ts has.
#pragma once

#include "ops/fourier.h"
#include "ops/lanes.h"
#include "ops/spectrum_plan.h"

namespace redline::ops {

namespace {

/// Outside the samples: mirrored at the nearer end, or 0.
template <typename Sample>
REDLINE_INLINE float sample_at(const SpectrumPlan& plan, const Sample* samples, std::int64_t at) {
  const std::int64_t last = plan.samples - 1;
  if (at >= 0 && at <= last) return static_cast<float>(samples[at]);
  if (plan.edges != Edges::reflect) return 0.0f;
  return static_cast<float>(samples[at < 0 ? -at : 2 * last - at]);
}

template <typename Sample>
REDLINE_LANES void take_frame(const SpectrumPlan& plan, const Sample* samples, std::int64_t start) {
  if (start >= 0 && start + plan.frame_samples <= plan.samples) {
    const Sample* from = samples + start;
    for (std::int64_t at = 0; at < plan.frame_samples; ++at) {
      plan.frame[at] = plan.scale * static_cast<float>(from[at]);
    }
    return;
  }
  for (std::int64_t at = 0; at < plan.frame_samples; ++at) {
    plan.frame[at] = plan.scale * sample_at(plan, samples, start + at);
  }
}

template <class L>
REDLINE_LANES REDLINE_INLINE void window_at(const SpectrumPlan& plan, std::int64_t at) {
  const auto before = L::mul(L::set(plan.pre_emphasis), L::load(plan.frame + at - 1));
  const auto sample = L::sub(L::load(plan.frame + at), before);
  L::store(plan.signal + at, L::mul(sample, L::load(plan.window + at)));
}

/// Fills the signal that is transformed: scaled, levelled, emphasised, windowed.
template <class L, class Eight>
REDLINE_LANES void prepare_frame(const SpectrumPlan& plan, const void* samples, std::int64_t index) {
  const std::int64_t start = plan.start + index * plan.hop;
  if (plan.is_integer) {
    take_frame(plan, static_cast<const std::int16_t*>(samples), start);
  } else {
    take_frame(plan, static_cast<const float*>(samples), start);
  }
  const std::int64_t count = plan.frame_samples;
  if (plan.removes_mean) {
    // Behind the samples lie zeros.
    Eight sum = Eight::zero();
    for (std::int64_t at = 0; at < count; at += 8) sum.add(plan.frame + at);
    const float mean = sum.total() / static_cast<float>(count);
    for (std::int64_t at = 0; at < count; ++at) plan.frame[at] -= mean;
  }
  plan.frame[-1] = plan.frame[0];
  std::int64_t at = 0;
  for (; at + L::kWidth <= count; at += L::kWidth) window_at<L>(plan, at);
  for (; at < count; ++at) window_at<ScalarLanes>(plan, at);
}

/// The caller has checked that the views have the plan's sizes.
template <class L, class Eight>
REDLINE_LANES void stft(const SpectrumPlan& plan, const void* samples, float* out) {
  for (std::int64_t frame = 0; frame < plan.frames; ++frame, out += plan.points / 2 + 1) {
    prepare_frame<L, Eight>(plan, samples, frame);
    const Halves found = transform<L>(plan);
    if (plan.is_power) {
      take_apart<L, true>(plan, found, out);
    } else {
      take_apart<L, false>(plan, found, out);
    }
  }
}

}  // namespace

}  // namespace redline::ops
