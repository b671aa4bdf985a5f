// Owns the resample op over lanes. Knows no instruction set.
// Invariant: a sum runs in eight lanes of double, added up in the order runtime/ops/reference/resample.ts has.
#pragma once

#include "ops/lanes.h"
#include "ops/op_set.h"

namespace redline::ops {

namespace {

template <class Sum>
REDLINE_LANES REDLINE_INLINE double dot(const float* input, const float* row, std::size_t taps) {
  Sum sum = Sum::zero();
  std::size_t tap = 0;
  for (; tap + 8 <= taps; tap += 8) sum.add_products(input + tap, row + tap);
  if (tap < taps) {
    // What is left over, filled up with zeros, whose products change no sum.
    float last_input[8] = {};
    float last_row[8] = {};
    for (std::size_t i = 0; tap + i < taps; ++i) {
      last_input[i] = input[tap + i];
      last_row[i] = row[tap + i];
    }
    sum.add_products(last_input, last_row);
  }
  return sum.total();
}

/// The caller has checked that every window lies inside the input.
template <class Sum>
REDLINE_LANES void resample(const ResampleCall& call) {
  std::int64_t start = call.start;
  std::int64_t fraction = call.fraction;
  const auto taps = static_cast<std::size_t>(call.taps);
  for (std::size_t k = 0; k < call.outputs; ++k) {
    const double phase = static_cast<double>(fraction * call.phases) / static_cast<double>(call.up);
    const auto row = static_cast<std::size_t>(phase);
    const double share = phase - static_cast<double>(row);
    const float* window = call.input + start;
    const double low = dot<Sum>(window, call.table + row * taps, taps);
    const double value = share == 0 ? low : low + share * (dot<Sum>(window, call.table + (row + 1) * taps, taps) - low);
    call.output[k] = static_cast<float>(value);
    const std::int64_t moved = fraction + call.down;
    start += moved / call.up;
    fraction = moved % call.up;
  }
}

}  // namespace

}  // namespace redline::ops
