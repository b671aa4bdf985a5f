// Owns the list of the network ops' implementations, one for each instruction set. Knows no program and no JavaScript.
// Invariant: a set is listed only where processor and system can run it; sums of floats may run in any order, so that sets
// agree within the bounds of runtime/ops/network-steps.ts and not to the bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace redline::ops {

/// Columns of a packed matrix that lie together, and the floats its rows are filled up to.
constexpr std::size_t kPackedColumns = 16;

enum class Activation : std::int32_t { none, relu, sigmoid, tanh };
constexpr std::int32_t kActivations = 4;

enum class Combination : std::int32_t { add, subtract, multiply, divide, maximum };
constexpr std::int32_t kCombinations = 5;

/// `rows` windows of `depth` floats, each `stride` after the one before, times a packed matrix, plus a bias, activated.
struct AffineCall {
  const float* input;
  float* output;
  /// Blocks of kPackedColumns columns, each `depth` rows of them, filled up with zeros.
  const float* packed;
  /// As many as packed columns.
  const float* bias;
  std::size_t rows;
  std::size_t stride;
  std::size_t depth;
  std::size_t columns;
  std::size_t output_stride;
  Activation activation;
};

/// What a cell of `units` does with its gates, which lie one after the other in `gates`.
struct CellCall {
  float* gates;
  const float* before;
  float* cell;
  float* hidden;
  std::size_t units;
};

/// Windows of bytes times a packed matrix of signed bytes: whole numbers, exact, then one scale and bias for each column.
struct Affine8Call {
  const std::uint8_t* input;
  float* output;
  /// Blocks of kPackedColumns columns; in each, four weights of every column for four bytes of input, filled up with zeros.
  const std::int8_t* packed;
  const float* scales;
  const float* bias;
  /// What the zero point adds to each column's sum.
  const std::int32_t* offsets;
  std::size_t rows;
  std::size_t stride;
  std::size_t depth;
  std::size_t columns;
  std::size_t output_stride;
  Activation activation;
};

struct NetworkSet {
  const char* name;
  void (*affine)(const AffineCall& call);
  /// Gates input, output, forget, candidate; `before` is the cell before.
  void (*lstm)(const CellCall& call);
  /// Gates update, reset, and the two shares of the candidate; `before` is the state before, `cell` unused.
  void (*gru)(const CellCall& call);
  void (*affine8)(const Affine8Call& call);
  void (*quantise)(const float* input, std::uint8_t* output, std::size_t count, float inverse, float zero_point);
  void (*map)(const float* input, float* output, std::size_t count, Activation activation);
  /// `right` starts over after `period`.
  void (*combine)(const float* left, const float* right, float* output, std::size_t count, std::size_t period,
                  Combination combination);
  void (*magnitude)(const float* real, const float* imaginary, float* output, std::size_t count);
};

/// Each defined by its own file; null where it is compiled for another processor.
const NetworkSet* scalar_network() noexcept;
const NetworkSet* avx2_network() noexcept;
const NetworkSet* avx512_network() noexcept;
const NetworkSet* avx512_vnni_network() noexcept;
const NetworkSet* neon_network() noexcept;

/// What runs here, in rising order: scalar first.
const std::vector<const NetworkSet*>& network_sets();

}  // namespace redline::ops
