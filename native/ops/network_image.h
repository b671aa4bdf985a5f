// Owns the network ops over images whose channels lie side by side: conv2d of every kind, and pools. Knows no instruction set.
// Invariant: a window is read where it lies; what lies around the image is zeros, or left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "ops/network_lanes.h"
#include "ops/network_tile.h"

namespace redline::ops {

namespace {

/// Where the windows of so many output pixels begin.
template <int kPixels>
struct WindowRows {
  std::int64_t top[kPixels];
  std::int64_t left[kPixels];
  /// Whether none of them leads out of its image at either side: a row of taps then lies in one piece.
  bool is_whole = true;

  WindowRows(const ImageWindows& windows, std::size_t first) noexcept {
    const auto most = static_cast<std::int64_t>(windows.width) - static_cast<std::int64_t>(windows.kernel_width);
    std::size_t y = first / windows.out_width;
    std::size_t x = first % windows.out_width;
    for (int p = 0; p < kPixels; ++p) {
      top[p] = static_cast<std::int64_t>(y * windows.stride_y) - static_cast<std::int64_t>(windows.pad_top);
      left[p] = static_cast<std::int64_t>(x * windows.stride_x) - static_cast<std::int64_t>(windows.pad_left);
      is_whole = is_whole && left[p] >= 0 && left[p] <= most;
      if (++x < windows.out_width) continue;
      x = 0;
      ++y;
    }
  }

  /// Where the tap at (y, x) of each window lies.
  REDLINE_INLINE void tap(const Conv2dCall& call, std::size_t y, std::size_t x,
                          const float* (&from)[kPixels]) const noexcept {
    const auto height = static_cast<std::int64_t>(call.windows.height);
    const auto width = static_cast<std::int64_t>(call.windows.width);
    for (int p = 0; p < kPixels; ++p) {
      const std::int64_t row = top[p] + static_cast<std::int64_t>(y);
      const std::int64_t column = left[p] + static_cast<std::int64_t>(x);
      const bool is_inside = row >= 0 && row < height && column >= 0 && column < width;
      from[p] = is_inside ? call.input + (row * width + column) * static_cast<std::int64_t>(call.windows.channels)
                          : call.zeros;
    }
  }
};

template <class L, int kPixels, int kBlocks>
REDLINE_LANES REDLINE_INLINE void conv2d_tile(const Conv2dCall& call, const WindowRows<kPixels>& rows,
                                              std::size_t pixel, std::size_t block) {
  const ImageWindows& windows = call.windows;
  const std::size_t piece = windows.channels * (rows.is_whole ? windows.kernel_width : 1);
  const std::size_t depth = windows.kernel_height * windows.kernel_width * windows.channels;
  const std::size_t step = rows.is_whole ? windows.kernel_width : 1;
  const float* packed = call.packed + block * depth * kPackedColumns;
  Tile<L, kPixels, kBlocks> tile;
  tile.begin(call.bias + block * kPackedColumns);
  for (std::size_t y = 0; y < windows.kernel_height; ++y) {
    for (std::size_t x = 0; x < windows.kernel_width; x += step, packed += piece * kPackedColumns) {
      const float* from[kPixels];
      rows.tap(call, y, x, from);
      tile.add(from, packed, depth * kPackedColumns, piece);
    }
  }
  tile.end(call.output + pixel * call.columns, call.columns, block * kPackedColumns, call.columns, call.curve);
}

/// Three blocks of wide lanes at once where they come out even, else two: a block alone waits for its own sums.
template <class L, int kPixels>
REDLINE_LANES void conv2d_pixels(const Conv2dCall& call, std::size_t pixel) {
  const WindowRows<kPixels> rows(call.windows, pixel);
  const std::size_t blocks = (call.columns + kPackedColumns - 1) / kPackedColumns;
  std::size_t block = 0;
  if constexpr (has_wide_tiles<L>) {
    for (; blocks - block == 3 || blocks - block > 4; block += 3) conv2d_tile<L, kPixels, 3>(call, rows, pixel, block);
    for (; blocks - block >= 2; block += 2) conv2d_tile<L, kPixels, 2>(call, rows, pixel, block);
  }
  for (; block < blocks; ++block) conv2d_tile<L, kPixels, 1>(call, rows, pixel, block);
}

template <class L>
REDLINE_LANES void conv2d(const Conv2dCall& call) {
  const std::size_t pixels = call.windows.out_height * call.windows.out_width;
  std::size_t pixel = 0;
  for (; pixel + 4 <= pixels; pixel += 4) conv2d_pixels<L, 4>(call, pixel);
  for (; pixel < pixels; ++pixel) conv2d_pixels<L, 1>(call, pixel);
}

template <class L>
REDLINE_LANES REDLINE_INLINE void pool_at(const ImageWindows& windows, const float* input, float* output,
                                          std::size_t y, std::size_t x, bool is_mean) {
  float count = 0;
  auto found = L::set(is_mean ? 0.0f : -std::numeric_limits<float>::infinity());
  for (std::size_t tap_y = 0; tap_y < windows.kernel_height; ++tap_y) {
    for (std::size_t tap_x = 0; tap_x < windows.kernel_width; ++tap_x) {
      const std::int64_t pixel = windows.pixel(y, x, tap_y, tap_x);
      if (pixel < 0) continue;
      count += 1;
      const auto value = L::load(input + pixel);
      found = is_mean ? L::add(found, value) : L::max(found, value);
    }
  }
  L::store(output, is_mean ? L::div(found, L::set(count)) : found);
}

template <class L>
REDLINE_LANES void pool(const ImageWindows& windows, const float* input, float* output, bool is_mean) {
  for (std::size_t y = 0; y < windows.out_height; ++y) {
    for (std::size_t x = 0; x < windows.out_width; ++x, output += windows.channels) {
      std::size_t at = 0;
      for (; at + L::kWidth <= windows.channels; at += L::kWidth) {
        pool_at<L>(windows, input + at, output + at, y, x, is_mean);
      }
      // As with depthwise windows.
      if (at < windows.channels && at > 0) {
        const std::size_t last = windows.channels - L::kWidth;
        pool_at<L>(windows, input + last, output + last, y, x, is_mean);
        continue;
      }
      for (; at < windows.channels; ++at) {
        pool_at<ScalarNetworkLanes>(windows, input + at, output + at, y, x, is_mean);
      }
    }
  }
}

template <class L>
REDLINE_LANES REDLINE_INLINE void depthwise_at(const DepthwiseCall& call, std::size_t y, std::size_t x,
                                               std::size_t channel) {
  const ImageWindows& windows = call.windows;
  auto sum = L::load(call.bias + channel);
  for (std::size_t tap_y = 0; tap_y < windows.kernel_height; ++tap_y) {
    for (std::size_t tap_x = 0; tap_x < windows.kernel_width; ++tap_x) {
      const std::int64_t pixel = windows.pixel(y, x, tap_y, tap_x);
      if (pixel < 0) continue;
      const float* weights = call.weights + (tap_y * windows.kernel_width + tap_x) * windows.channels;
      sum = L::fma(L::load(call.input + pixel + channel), L::load(weights + channel), sum);
    }
  }
  float* output = call.output + (y * windows.out_width + x) * windows.channels;
  L::store(output + channel, activated<L>(sum, call.curve));
}

template <class L>
REDLINE_LANES void depthwise(const DepthwiseCall& call) {
  const ImageWindows& windows = call.windows;
  for (std::size_t y = 0; y < windows.out_height; ++y) {
    for (std::size_t x = 0; x < windows.out_width; ++x) {
      std::size_t at = 0;
      for (; at + L::kWidth <= windows.channels; at += L::kWidth) depthwise_at<L>(call, y, x, at);
      // What is left over is computed together with neighbours that were: input and output lie apart, so it may be twice.
      if (at < windows.channels && at > 0) {
        depthwise_at<L>(call, y, x, windows.channels - L::kWidth);
        continue;
      }
      for (; at < windows.channels; ++at) depthwise_at<ScalarNetworkLanes>(call, y, x, at);
    }
  }
}

}  // namespace

}  // namespace redline::ops
