// Owns the blur op over lanes: sums along a row, sums down the columns. Knows no instruction set.
// Invariant: sums are whole numbers, means rounded as in runtime/ops/reference/blur.ts; a window looks at its region alone.
#pragma once

#include "ops/lanes.h"
#include "ops/op_set.h"

namespace redline::ops {

namespace {

/// One region inside the image.
struct BlurRegion {
  std::uint8_t* start;
  std::int64_t pixels;
  std::int64_t row_bytes;
  std::int64_t rows;
};

template <class L>
REDLINE_LANES REDLINE_INLINE void mean_at(const float* high, const float* low, float inverse, std::uint8_t* to) {
  L::store_u8(to, L::mul(L::sub(L::load(high), L::load(low)), L::set(inverse)));
}

/// `channels` is a constant, so that the sums of a pixel stay in registers.
template <class L, int kChannels>
REDLINE_LANES void blur_row(const BlurCall& call, const BlurRegion& region, std::uint8_t* row) {
  float* sums = call.row_sums;
  float running[kChannels] = {};
  for (int channel = 0; channel < kChannels; ++channel) sums[channel] = 0;
  float* to = sums + kChannels;
  const std::int64_t last = region.pixels - 1;
  for (std::int64_t x = -call.radius; x <= last + call.radius; ++x, to += kChannels) {
    const std::int64_t from = x < 0 ? 0 : x > last ? last : x;
    for (int channel = 0; channel < kChannels; ++channel) {
      running[channel] += static_cast<float>(row[from * kChannels + channel]);
      to[channel] = running[channel];
    }
  }
  const std::int64_t window = (2 * call.radius + 1) * kChannels;
  const float inverse = 1.0f / static_cast<float>(2 * call.radius + 1);
  std::int64_t at = 0;
  for (; at + L::kWidth <= region.row_bytes; at += L::kWidth) {
    mean_at<L>(sums + at + window, sums + at, inverse, row + at);
  }
  for (; at < region.row_bytes; ++at) mean_at<ScalarLanes>(sums + at + window, sums + at, inverse, row + at);
}

template <class L>
REDLINE_LANES REDLINE_INLINE void write_means_at(const float* sums, float inverse, std::uint8_t* to) {
  L::store_u8(to, L::mul(L::load(sums), L::set(inverse)));
}

template <class L>
REDLINE_LANES REDLINE_INLINE void move_sums_at(float* sums, const std::uint8_t* entering, const std::uint8_t* leaving) {
  L::store(sums, L::add(L::load(sums), L::sub(L::load_bytes(entering), L::load_bytes(leaving))));
}

template <class L>
REDLINE_LANES REDLINE_INLINE void add_times_at(float* sums, const std::uint8_t* bytes, float times) {
  L::store(sums, L::add(L::load(sums), L::mul(L::load_bytes(bytes), L::set(times))));
}

template <class L>
REDLINE_LANES void add_times(const BlurRegion& region, float* sums, const std::uint8_t* bytes, float times) {
  std::int64_t at = 0;
  for (; at + L::kWidth <= region.row_bytes; at += L::kWidth) add_times_at<L>(sums + at, bytes + at, times);
  for (; at < region.row_bytes; ++at) add_times_at<ScalarLanes>(sums + at, bytes + at, times);
}

template <class L>
REDLINE_LANES void blur_columns(const BlurCall& call, const BlurRegion& region) {
  const float inverse = 1.0f / static_cast<float>(2 * call.radius + 1);
  const std::int64_t last = region.rows - 1;
  const auto row_at = [&region, &call, last](std::int64_t row) {
    return region.start + (row < last ? row : last) * call.stride;
  };
  // Rows as they were lie in a ring, as they are written over before they leave the window.
  const auto slot_at = [&region, &call](std::int64_t row) {
    return call.rows + ((row > 0 ? row : 0) % (call.radius + 1)) * region.row_bytes;
  };
  float* sums = call.column_sums;
  for (std::int64_t at = 0; at < region.row_bytes; ++at) sums[at] = 0;
  add_times<L>(region, sums, region.start, static_cast<float>(call.radius + 1));
  for (std::int64_t row = 1; row <= call.radius; ++row) add_times<L>(region, sums, row_at(row), 1.0f);
  for (std::int64_t row = 0; row <= last; ++row) {
    std::uint8_t* here = row_at(row);
    std::memcpy(slot_at(row), here, static_cast<std::size_t>(region.row_bytes));
    std::int64_t at = 0;
    for (; at + L::kWidth <= region.row_bytes; at += L::kWidth) write_means_at<L>(sums + at, inverse, here + at);
    for (; at < region.row_bytes; ++at) write_means_at<ScalarLanes>(sums + at, inverse, here + at);
    if (row == last) return;
    const std::uint8_t* entering = row_at(row + 1 + call.radius);
    const std::uint8_t* leaving = slot_at(row - call.radius);
    at = 0;
    for (; at + L::kWidth <= region.row_bytes; at += L::kWidth) {
      move_sums_at<L>(sums + at, entering + at, leaving + at);
    }
    for (; at < region.row_bytes; ++at) move_sums_at<ScalarLanes>(sums + at, entering + at, leaving + at);
  }
}

/// Blurs every region in turn; what leads out of the image is cut off.
template <class L>
REDLINE_LANES void blur(const BlurCall& call) {
  for (std::size_t index = 0; index < call.regions; ++index) {
    const std::int32_t* given = call.region + 4 * index;
    const std::int64_t left = given[0] > 0 ? given[0] : 0;
    const std::int64_t top = given[1] > 0 ? given[1] : 0;
    const std::int64_t far_right = static_cast<std::int64_t>(given[0]) + given[2];
    const std::int64_t far_bottom = static_cast<std::int64_t>(given[1]) + given[3];
    const std::int64_t right = far_right < call.width ? far_right : call.width;
    const std::int64_t bottom = far_bottom < call.height ? far_bottom : call.height;
    if (right <= left || bottom <= top) continue;
    const BlurRegion region{call.image + top * call.stride + left * call.channels, right - left,
                            (right - left) * call.channels, bottom - top};
    for (std::int64_t pass = 0; pass < call.passes; ++pass) {
      for (std::int64_t row = 0; row < region.rows; ++row) {
        std::uint8_t* at = region.start + row * call.stride;
        if (call.channels == 4) {
          blur_row<L, 4>(call, region, at);
        } else {
          blur_row<L, 3>(call, region, at);
        }
      }
      blur_columns<L>(call, region);
    }
  }
}

}  // namespace

}  // namespace redline::ops
