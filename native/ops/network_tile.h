// Owns what the products of the network ops share: curves over lanes, and tiles of sums held in registers. Knows no step.
#pragma once

#include <cstddef>

#include "ops/margins.h"
#include "ops/network_set.h"

namespace redline::ops {

namespace {

/// tanh, NaN for NaN: the bounds come first, since the second operand is what min and max answer for NaN. What lies beyond the
/// limit is added to the quotient, which is 1 there but for some roundings, and cut off: it saturates at 1 exactly.
template <class L>
REDLINE_LANES REDLINE_INLINE typename L::F tanh_of(typename L::F value) {
  const auto y = L::max(L::set(-kMarginLimit), L::min(L::set(kMarginLimit), value));
  const auto square = L::mul(y, y);
  auto over = L::set(kMarginOver[0]);
  for (int power = 1; power < 7; ++power) over = L::fma(over, square, L::set(kMarginOver[power]));
  auto under = L::set(kMarginUnder[0]);
  for (int power = 1; power < 4; ++power) under = L::fma(under, square, L::set(kMarginUnder[power]));
  const auto beyond = L::add(L::div(L::mul(y, over), under), L::sub(value, y));
  return L::max(L::set(-1.0f), L::min(L::set(1.0f), beyond));
}

template <class L>
REDLINE_LANES REDLINE_INLINE typename L::F sigmoid_of(typename L::F value) {
  return L::fma(L::set(0.5f), tanh_of<L>(L::mul(L::set(0.5f), value)), L::set(0.5f));
}

template <class L>
REDLINE_LANES REDLINE_INLINE typename L::F activated(typename L::F value, const Curve& curve) {
  switch (curve.activation) {
    case Activation::relu:
      return L::max(L::set(0.0f), value);
    case Activation::sigmoid:
      return sigmoid_of<L>(value);
    case Activation::tanh:
      return tanh_of<L>(value);
    case Activation::bent: {
      // NaN comes second to each of them, and stays.
      const auto leaning = L::max(L::mul(L::set(curve.slope), value), value);
      return L::min(L::set(curve.ceiling), L::max(L::set(curve.floor), leaning));
    }
    case Activation::none:
      break;
  }
  return value;
}

/// A block of columns is one vector, and there are thirty-two of them: more sums fit, and weights are read for more rows at once.
template <class L>
constexpr bool has_wide_tiles = L::kWidth >= static_cast<int>(kPackedColumns);

/// Stores a vector, or the first `count` of its lanes where those are fewer.
template <class L>
REDLINE_LANES REDLINE_INLINE void store_part(float* to, typename L::F value, std::size_t count) {
  if (count >= static_cast<std::size_t>(L::kWidth)) {
    L::store(to, value);
  } else if constexpr (has_wide_tiles<L>) {
    L::store_first(to, value, count);
  } else {
    float lanes[L::kWidth];
    L::store(lanes, value);
    for (std::size_t i = 0; i < count; ++i) to[i] = lanes[i];
  }
}

/// The sums of so many rows and so many blocks of columns, all in registers.
template <class L, int kRows, int kBlocks>
struct Tile {
  static constexpr int kVectors = static_cast<int>(kPackedColumns) / L::kWidth;
  typename L::F sums[kRows][kBlocks][kVectors];

  REDLINE_LANES REDLINE_INLINE void begin(const float* bias) {
    for (int b = 0; b < kBlocks; ++b) {
      for (int v = 0; v < kVectors; ++v) {
        const auto start = L::load(bias + b * static_cast<int>(kPackedColumns) + v * L::kWidth);
        for (int r = 0; r < kRows; ++r) sums[r][b][v] = start;
      }
    }
  }

  /// Adds `depth` products to each sum: floats of each row times rows of the packed blocks, `block_floats` apart.
  REDLINE_LANES REDLINE_INLINE void add(const float* const (&rows)[kRows], const float* packed,
                                        std::size_t block_floats, std::size_t depth) {
    for (std::size_t k = 0; k < depth; ++k) {
      for (int b = 0; b < kBlocks; ++b) {
        for (int v = 0; v < kVectors; ++v) {
          const auto weight =
              L::load(packed + static_cast<std::size_t>(b) * block_floats + k * kPackedColumns + v * L::kWidth);
          for (int r = 0; r < kRows; ++r) sums[r][b][v] = L::fma(L::set(rows[r][k]), weight, sums[r][b][v]);
        }
      }
    }
  }

  /// Stores the columns there are, from `first` on.
  REDLINE_LANES REDLINE_INLINE void end(float* output, std::size_t output_stride, std::size_t first,
                                        std::size_t columns, const Curve& curve) const {
    for (int r = 0; r < kRows; ++r) {
      float* row = output + static_cast<std::size_t>(r) * output_stride;
      for (int b = 0; b < kBlocks; ++b) {
        for (int v = 0; v < kVectors; ++v) {
          const std::size_t at = first + static_cast<std::size_t>(b * static_cast<int>(kPackedColumns) + v * L::kWidth);
          if (at >= columns) break;
          store_part<L>(row + at, activated<L>(sums[r][b][v], curve), columns - at);
        }
      }
    }
  }
};

}  // namespace

}  // namespace redline::ops
