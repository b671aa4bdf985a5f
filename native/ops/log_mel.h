// Owns the log-mel op over lanes. Knows no instruction set.
// Invariant: each step rounds to float32 in the order runtime/ops/reference/log-mel.ts has.
#pragma once

#include <limits>

#include "ops/lanes.h"
#include "ops/spectrum_plan.h"
#include "ops/stft.h"

namespace redline::ops {

namespace {

/// ln 2 in two parts: whole multiples of the first, up to 2^8, are exact.
constexpr float kLn2High = 0.693145751953125f;
constexpr float kLn2Low = static_cast<float>(0.6931471805599453 - 0.693145751953125);
constexpr float kLogTerms[4] = {static_cast<float>(2.0 / 9), static_cast<float>(2.0 / 7), static_cast<float>(2.0 / 5),
                                static_cast<float>(2.0 / 3)};

/// ln of normal numbers above 0; NaN of infinity and NaN.
template <class L>
REDLINE_LANES REDLINE_INLINE typename L::F natural_log(typename L::F value) {
  typename L::F exponent;
  typename L::F rest;
  L::split(value, &exponent, &rest);
  const auto s = L::div(L::sub(rest, L::set(1.0f)), L::add(rest, L::set(1.0f)));
  const auto square = L::mul(s, s);
  auto series = L::set(kLogTerms[0]);
  for (int term = 1; term < 4; ++term) series = L::add(L::mul(series, square), L::set(kLogTerms[term]));
  series = L::mul(L::mul(series, square), s);
  const auto low = L::add(series, L::mul(exponent, L::set(kLn2Low)));
  const auto sum = L::add(L::mul(exponent, L::set(kLn2High)), L::add(L::add(s, s), low));
  return L::add(sum, L::sub(value, value));
}

template <class L>
REDLINE_LANES REDLINE_INLINE void log_at(const SpectrumPlan& plan, std::int32_t band) {
  const auto sum = L::max(L::set(plan.floor), L::load(plan.logs + band));
  L::store(plan.logs + band, L::mul(natural_log<L>(sum), L::set(plan.log_factor)));
}

template <class L>
REDLINE_LANES REDLINE_INLINE void finish_at(const SpectrumPlan& plan, float least, float* out) {
  const auto value = L::max(L::set(least), L::load(out));
  L::store(out, L::add(L::mul(value, L::set(plan.gain)), L::set(plan.bias)));
}

/// Raises every value to the range below the largest, then gain and bias.
template <class L>
REDLINE_LANES void finish_logs(const SpectrumPlan& plan, float* out) {
  const std::int64_t count = plan.frames * plan.bands;
  float largest = -std::numeric_limits<float>::infinity();
  if (plan.range > 0) {
    for (std::int64_t at = 0; at < count; ++at) largest = out[at] > largest ? out[at] : largest;
  }
  const float least = largest - plan.range;
  std::int64_t at = 0;
  for (; at + L::kWidth <= count; at += L::kWidth) finish_at<L>(plan, least, out + at);
  for (; at < count; ++at) finish_at<ScalarLanes>(plan, least, out + at);
}

/// The caller has checked that the views have the plan's sizes.
template <class L, class Eight>
REDLINE_LANES void log_mel(const SpectrumPlan& plan, const void* samples, float* out) {
  for (std::int64_t frame = 0; frame < plan.frames; ++frame) {
    prepare_frame<L, Eight>(plan, samples, frame);
    const Halves found = transform<L>(plan);
    if (plan.is_power) {
      take_apart<L, true>(plan, found, plan.bins);
    } else {
      take_apart<L, false>(plan, found, plan.bins);
    }
    for (std::int32_t band = 0; band < plan.bands; ++band) {
      const std::int32_t* row = plan.band_rows + 3 * band;
      Eight sum = Eight::zero();
      for (std::int32_t tap = 0; tap < row[1]; tap += 8) {
        sum.add_products(plan.bins + row[0] + tap, plan.band_weights + row[2] + tap);
      }
      plan.logs[band] = sum.total();
    }
    std::int32_t band = 0;
    for (; band + L::kWidth <= plan.bands; band += L::kWidth) log_at<L>(plan, band);
    for (; band < plan.bands; ++band) log_at<ScalarLanes>(plan, band);
    if (plan.is_bands_first) {
      for (band = 0; band < plan.bands; ++band) out[band * plan.frames + frame] = plan.logs[band];
    } else {
      std::memcpy(out + frame * plan.bands, plan.logs, static_cast<std::size_t>(plan.bands) * sizeof(float));
    }
  }
  finish_logs<L>(plan, out);
}

}  // namespace

}  // namespace redline::ops
