// Owns the network ops over lanes with a fused product and sum. Knows no instruction set and no program.
// Invariant: a matrix is read once for every four rows of input, eight where lanes are wide, in the order in which it is packed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/network_image.h"
#include "ops/network_tile.h"

namespace redline::ops {

namespace {

template <class L>
REDLINE_LANES REDLINE_INLINE typename L::F combined(typename L::F left, typename L::F right, Combination combination) {
  switch (combination) {
    case Combination::add:
      return L::add(left, right);
    case Combination::subtract:
      return L::sub(left, right);
    case Combination::multiply:
      return L::mul(left, right);
    case Combination::divide:
      return L::div(left, right);
    case Combination::minimum:
      return L::min(left, right);
    case Combination::at_least:
      return L::at_least(left, right);
    case Combination::maximum:
      break;
  }
  return L::max(left, right);
}

/// One tile of the product.
template <class L, int kRows, int kBlocks>
REDLINE_LANES REDLINE_INLINE void affine_tile(const AffineCall& call, std::size_t row, std::size_t block) {
  const float* rows[kRows];
  for (int r = 0; r < kRows; ++r) rows[r] = call.input + (row + static_cast<std::size_t>(r)) * call.stride;
  Tile<L, kRows, kBlocks> tile;
  tile.begin(call.bias + block * kPackedColumns);
  tile.add(rows, call.packed + block * call.depth * kPackedColumns, call.depth * kPackedColumns, call.depth);
  tile.end(call.output + row * call.output_stride, call.output_stride, block * kPackedColumns, call.columns,
           call.curve);
}

/// Eight sums at least are under way at once where there are columns for it: a sum waits for the one before.
template <class L, int kRows, int kBlocks>
REDLINE_LANES void affine_rows(const AffineCall& call, std::size_t row) {
  const std::size_t blocks = (call.columns + kPackedColumns - 1) / kPackedColumns;
  std::size_t block = 0;
  for (; block + kBlocks <= blocks; block += kBlocks) affine_tile<L, kRows, kBlocks>(call, row, block);
  for (; block < blocks; ++block) affine_tile<L, kRows, 1>(call, row, block);
}

template <class L>
REDLINE_LANES void affine(const AffineCall& call) {
  constexpr int kWide = has_wide_tiles<L> ? 2 : 1;
  std::size_t row = 0;
  if constexpr (has_wide_tiles<L>) {
    for (; row + 8 <= call.rows; row += 8) affine_rows<L, 8, kWide>(call, row);
  }
  for (; row + 4 <= call.rows; row += 4) affine_rows<L, 4, kWide>(call, row);
  for (; row + 2 <= call.rows; row += 2) affine_rows<L, 2, 2 * kWide>(call, row);
  for (; row < call.rows; ++row) affine_rows<L, 1, 4 * kWide>(call, row);
}

template <class L>
REDLINE_LANES REDLINE_INLINE void lstm_at(const CellCall& call, std::size_t at) {
  const float* gates = call.gates + at;
  const auto input = sigmoid_of<L>(L::load(gates));
  const auto output = sigmoid_of<L>(L::load(gates + call.units));
  const auto forget = sigmoid_of<L>(L::load(gates + 2 * call.units));
  const auto candidate = tanh_of<L>(L::load(gates + 3 * call.units));
  const auto cell = L::fma(forget, L::load(call.before + at), L::mul(input, candidate));
  L::store(call.cell + at, cell);
  L::store(call.hidden + at, L::mul(output, tanh_of<L>(cell)));
}

template <class L>
REDLINE_LANES void lstm(const CellCall& call) {
  std::size_t at = 0;
  for (; at + L::kWidth <= call.units; at += L::kWidth) lstm_at<L>(call, at);
  for (; at < call.units; ++at) lstm_at<ScalarNetworkLanes>(call, at);
}

template <class L>
REDLINE_LANES REDLINE_INLINE void gru_at(const CellCall& call, std::size_t at) {
  const float* gates = call.gates + at;
  const auto update = sigmoid_of<L>(L::load(gates));
  const auto reset = sigmoid_of<L>(L::load(gates + call.units));
  const auto candidate = tanh_of<L>(L::fma(reset, L::load(gates + 3 * call.units), L::load(gates + 2 * call.units)));
  L::store(call.hidden + at, L::fma(update, L::sub(L::load(call.before + at), candidate), candidate));
}

template <class L>
REDLINE_LANES void gru(const CellCall& call) {
  std::size_t at = 0;
  for (; at + L::kWidth <= call.units; at += L::kWidth) gru_at<L>(call, at);
  for (; at < call.units; ++at) gru_at<ScalarNetworkLanes>(call, at);
}

/// So many blocks of columns side by side; `D` adds four products to each of a block's sums.
template <class L, class D, int kBlocks>
REDLINE_LANES REDLINE_INLINE void affine8_blocks(const Affine8Call& call, std::size_t row, std::size_t block) {
  const std::size_t groups = (call.depth + 3) / 4;
  const std::uint8_t* input = call.input + row * call.stride;
  const std::int8_t* packed = call.packed + block * groups * 4 * kPackedColumns;
  const Curve curve{call.activation, 0.0f, 0.0f, 0.0f};
  D sums[kBlocks];
  for (int b = 0; b < kBlocks; ++b) sums[b] = D::zero();
  for (std::size_t group = 0; group < groups; ++group) {
    std::uint32_t four;
    std::memcpy(&four, input + 4 * group, sizeof(four));
    for (int b = 0; b < kBlocks; ++b) {
      sums[b].add(packed + (static_cast<std::size_t>(b) * groups + group) * 4 * kPackedColumns, four);
    }
  }
  for (int b = 0; b < kBlocks; ++b) {
    const std::size_t first = (block + static_cast<std::size_t>(b)) * kPackedColumns;
    std::int32_t whole[kPackedColumns];
    float filled[kPackedColumns];
    sums[b].store(whole);
    for (std::size_t i = 0; i < kPackedColumns; ++i) {
      filled[i] = static_cast<float>(whole[i] - call.offsets[first + i]) * call.scales[first + i];
      filled[i] += call.bias[first + i];
    }
    for (std::size_t i = 0; i < kPackedColumns; i += static_cast<std::size_t>(L::kWidth)) {
      L::store(filled + i, activated<L>(L::load(filled + i), curve));
    }
    const std::size_t count = std::min(kPackedColumns, call.columns - first);
    std::memcpy(call.output + row * call.output_stride + first, filled, count * sizeof(float));
  }
}

template <class L, class D>
REDLINE_LANES void affine8(const Affine8Call& call) {
  const std::size_t blocks = (call.columns + kPackedColumns - 1) / kPackedColumns;
  for (std::size_t row = 0; row < call.rows; ++row) {
    std::size_t block = 0;
    for (; block + D::kTogether <= blocks; block += D::kTogether) affine8_blocks<L, D, D::kTogether>(call, row, block);
    for (; block < blocks; ++block) affine8_blocks<L, D, 1>(call, row, block);
  }
}

template <class L>
REDLINE_LANES void quantise(const float* input, std::uint8_t* output, std::size_t count, float inverse,
                            float zero_point) {
  std::size_t at = 0;
  for (; at + L::kWidth <= count; at += L::kWidth) {
    L::store_u8(output + at, L::add(L::mul(L::load(input + at), L::set(inverse)), L::set(zero_point)));
  }
  for (; at < count; ++at) ScalarNetworkLanes::store_u8(output + at, input[at] * inverse + zero_point);
}

template <class L>
REDLINE_LANES void map(const float* input, float* output, std::size_t count, const Curve& curve) {
  std::size_t at = 0;
  for (; at + L::kWidth <= count; at += L::kWidth) L::store(output + at, activated<L>(L::load(input + at), curve));
  for (; at < count; ++at) output[at] = activated<ScalarNetworkLanes>(input[at], curve);
}

template <class L>
REDLINE_LANES void combine(const float* left, const float* right, float* output, std::size_t count, std::size_t period,
                           Combination combination) {
  for (std::size_t start = 0; start < count; start += period) {
    const std::size_t end = std::min(count, start + period);
    std::size_t at = start;
    for (; at + L::kWidth <= end; at += L::kWidth) {
      L::store(output + at, combined<L>(L::load(left + at), L::load(right + at - start), combination));
    }
    for (; at < end; ++at) output[at] = combined<ScalarNetworkLanes>(left[at], right[at - start], combination);
  }
}

template <class L>
REDLINE_LANES void magnitude(const float* real, const float* imaginary, float* output, std::size_t count) {
  std::size_t at = 0;
  for (; at + L::kWidth <= count; at += L::kWidth) {
    const auto re = L::load(real + at);
    const auto im = L::load(imaginary + at);
    L::store(output + at, L::sqrt(L::fma(re, re, L::mul(im, im))));
  }
  for (; at < count; ++at) output[at] = std::sqrt(real[at] * real[at] + imaginary[at] * imaginary[at]);
}

/// `D` holds the sums of one block of columns in bytes.
template <class L, class D>
constexpr NetworkSet network_set(const char* name) {
  return {name,         affine<L>,  lstm<L>,     gru<L>,   affine8<L, D>,  conv2d<L>,
          depthwise<L>, pool<L>,    quantise<L>, map<L>,   combine<L>,     magnitude<L>};
}

}  // namespace

}  // namespace redline::ops
