// Owns the suppress op over lanes: a heap hands out rows, vectors compare each with those kept. Knows no instruction set.
// Invariant: the order of rows is a total one; each overlap rounds to float32 as in runtime/ops/reference/suppress.ts.
#pragma once

#include <algorithm>

#include "ops/lanes.h"
#include "ops/op_set.h"

namespace redline::ops {

namespace {

constexpr std::size_t kRow = 6;
/// Vectors of kept boxes may run over their end by this many.
constexpr std::size_t kKeptSpare = 8;

/// Kept boxes, one array for each field: left, top, right, bottom, area, class.
struct Kept {
  float* fields[6];
  std::size_t count;
};

REDLINE_INLINE bool is_box(const float* row) noexcept {
  for (std::size_t field = 0; field < kRow; ++field) {
    if (row[field] - row[field] != 0.0f) return false;
  }
  return row[2] > row[0] && row[3] > row[1];
}

/// One bit for each kept box, from `first` on, that covers the row.
template <class L>
REDLINE_LANES REDLINE_INLINE std::uint32_t covers_at(const SuppressCall& call, const Kept& kept, std::size_t first,
                                                     const float* row, float area) {
  const auto zero = L::set(0.0f);
  const auto width = L::max(L::sub(L::min(L::set(row[2]), L::load(kept.fields[2] + first)),
                                   L::max(L::set(row[0]), L::load(kept.fields[0] + first))),
                            zero);
  const auto height = L::max(L::sub(L::min(L::set(row[3]), L::load(kept.fields[3] + first)),
                                    L::max(L::set(row[1]), L::load(kept.fields[1] + first))),
                             zero);
  const auto shared = L::mul(width, height);
  const auto all = L::sub(L::add(L::set(area), L::load(kept.fields[4] + first)), shared);
  const std::uint32_t bits = L::above(shared, L::mul(L::set(call.overlap), all));
  if (call.is_together || bits == 0) return bits;
  const auto own = L::set(row[5]);
  const auto other = L::load(kept.fields[5] + first);
  return bits & ~(L::above(own, other) | L::above(other, own));
}

template <class L>
REDLINE_LANES bool is_covered(const SuppressCall& call, const Kept& kept, const float* row, float area) {
  for (std::size_t first = 0; first < kept.count; first += L::kWidth) {
    std::uint32_t bits = covers_at<L>(call, kept, first, row, area);
    // What lies behind the last one is no box.
    const std::size_t left = kept.count - first;
    if (left < L::kWidth) bits &= (1u << left) - 1;
    if (bits != 0) return true;
  }
  return false;
}

/// Writes the rows that stand and answers how many.
template <class L>
REDLINE_LANES std::size_t suppress(const SuppressCall& call) {
  const float* rows = call.rows;
  const auto comes_after = [rows](std::int32_t one, std::int32_t other) noexcept {
    const float a = rows[kRow * static_cast<std::size_t>(one) + 4];
    const float b = rows[kRow * static_cast<std::size_t>(other) + 4];
    return a < b || (a == b && one > other);
  };
  std::int32_t* end = call.order;
  for (std::size_t row = 0; row < call.count; ++row) {
    if (is_box(rows + kRow * row)) *end++ = static_cast<std::int32_t>(row);
  }
  std::make_heap(call.order, end, comes_after);
  Kept kept{};
  for (std::size_t field = 0; field < 6; ++field) kept.fields[field] = call.kept + field * (call.keep + kKeptSpare);
  while (end != call.order && kept.count < call.keep) {
    std::pop_heap(call.order, end, comes_after);
    --end;
    const float* row = rows + kRow * static_cast<std::size_t>(*end);
    const float area = (row[2] - row[0]) * (row[3] - row[1]);
    if (is_covered<L>(call, kept, row, area)) continue;
    for (std::size_t field = 0; field < 4; ++field) kept.fields[field][kept.count] = row[field];
    kept.fields[4][kept.count] = area;
    kept.fields[5][kept.count] = row[5];
    std::memcpy(call.out + kRow * kept.count, row, kRow * sizeof(float));
    ++kept.count;
  }
  return kept.count;
}

}  // namespace

}  // namespace redline::ops
