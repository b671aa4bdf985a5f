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

enum class Activation : std::int32_t { none, relu, sigmoid, tanh, bent };
constexpr std::int32_t kActivations = 5;

/// What is done to each sum. `bent` leans below 0 and is cut off at two limits: the rest is for it alone.
struct Curve {
  Activation activation;
  float slope;
  float floor;
  float ceiling;
};

enum class Combination : std::int32_t { add, subtract, multiply, divide, maximum, minimum, at_least };
constexpr std::int32_t kCombinations = 7;

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
  Curve curve;
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

/// Windows over an image whose channels lie side by side.
struct ImageWindows {
  std::size_t height, width, channels;
  std::size_t kernel_height, kernel_width;
  std::size_t stride_y, stride_x;
  std::size_t pad_top, pad_left;
  std::size_t out_height, out_width;

  /// Where the pixel of a tap of a window lies, in floats; -1 for padding.
  std::int64_t pixel(std::size_t y, std::size_t x, std::size_t tap_y, std::size_t tap_x) const noexcept {
    const auto row = static_cast<std::int64_t>(y * stride_y + tap_y) - static_cast<std::int64_t>(pad_top);
    const auto column = static_cast<std::int64_t>(x * stride_x + tap_x) - static_cast<std::int64_t>(pad_left);
    const bool is_inside = row >= 0 && row < static_cast<std::int64_t>(height) && column >= 0 &&
                           column < static_cast<std::int64_t>(width);
    return is_inside ? (row * static_cast<std::int64_t>(width) + column) * static_cast<std::int64_t>(channels) : -1;
  }
};

/// Each window of an image times a packed matrix, tap by tap, plus a bias, activated.
struct Conv2dCall {
  ImageWindows windows;
  const float* input;
  float* output;
  /// Packed as in AffineCall; a column's weights lie tap by tap, channel by channel.
  const float* packed;
  const float* bias;
  /// A row of kernel_width * channels zeros: what lies around the image.
  const float* zeros;
  std::size_t columns;
  Curve curve;
};

/// A kernel for each channel: `weights` of each tap, the channels side by side.
struct DepthwiseCall {
  ImageWindows windows;
  const float* input;
  float* output;
  const float* weights;
  const float* bias;
  Curve curve;
};

struct NetworkSet {
  const char* name;
  void (*affine)(const AffineCall& call);
  /// Gates input, output, forget, candidate; `before` is the cell before.
  void (*lstm)(const CellCall& call);
  /// Gates update, reset, and the two shares of the candidate; `before` is the state before, `cell` unused.
  void (*gru)(const CellCall& call);
  void (*affine8)(const Affine8Call& call);
  void (*conv2d)(const Conv2dCall& call);
  void (*depthwise)(const DepthwiseCall& call);
  /// The largest number of each channel of each window, or the mean of those inside the image.
  void (*pool)(const ImageWindows& windows, const float* input, float* output, bool is_mean);
  void (*quantise)(const float* input, std::uint8_t* output, std::size_t count, float inverse, float zero_point);
  void (*map)(const float* input, float* output, std::size_t count, const Curve& curve);
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
