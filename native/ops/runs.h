// Owns the runs op over lanes: vectors look for the next margin above 0, one lane adds up a run. Knows no instruction set.
// Invariant: a run's sums are double, from left to right, as in runtime/ops/reference/runs.ts.
#pragma once

#include "ops/lanes.h"

namespace redline::ops {

namespace {

/// The first column from `u` on whose margin is above 0, or `width`.
template <class L>
REDLINE_LANES REDLINE_INLINE std::size_t next_above_zero(const float* row, std::size_t width, std::size_t u) {
  while (u + L::kWidth <= width && L::above_zero(L::load(row + u)) == 0) u += L::kWidth;
  while (u < width && !(row[u] > 0.0f)) ++u;
  return u;
}

/// Writes as many runs of four doubles as fit and answers how many there are.
template <class L>
REDLINE_LANES std::size_t runs(const float* margins, std::size_t width, std::size_t height, double* out,
                               std::size_t capacity) {
  std::size_t count = 0;
  for (std::size_t v = 0; v < height; ++v) {
    const float* row = margins + v * width;
    for (std::size_t u = next_above_zero<L>(row, width, 0); u < width; u = next_above_zero<L>(row, width, u)) {
      const std::size_t from = u;
      double weight = 0;
      double moment = 0;
      for (; u < width && row[u] > 0.0f; ++u) {
        const double margin = row[u];
        weight += margin;
        moment += margin * static_cast<double>(u);
      }
      if (count < capacity) {
        double* to = out + 4 * count;
        to[0] = static_cast<double>(v);
        to[1] = static_cast<double>(from);
        to[2] = static_cast<double>(u - 1);
        to[3] = moment / weight;
      }
      ++count;
    }
  }
  return count;
}

}  // namespace

}  // namespace redline::ops
