// Owns the image op over lanes: rows sampled, turned into RGB, normalised and stored in one pass over the output.
// Knows no instruction set. Invariant: each step rounds to float32 in the order runtime/ops/reference/image.ts has.
#pragma once

#include <initializer_list>

#include "ops/image_plan.h"
#include "ops/lanes.h"

namespace redline::ops {

namespace {

/// How a source's bytes are found: three in a pixel; luma, and Cb and Cr side by side; or three planes.
enum class Pixels { packed, pairs, planes };

template <class L>
REDLINE_LANES REDLINE_INLINE typename L::F lerp(typename L::F first, typename L::F second, typename L::F weight) {
  return L::add(first, L::mul(L::sub(second, first), weight));
}

/// One output row's view of an axis of rows, and of the axis of columns beside it.
struct Taps {
  const ImageAxis* columns;
  const ImageAxis* rows;
  const std::uint8_t* source;
  std::int32_t row;

  REDLINE_INLINE std::ptrdiff_t row_offset(std::int32_t tap) const noexcept {
    return rows->offsets[static_cast<std::ptrdiff_t>(tap) * rows->count + row];
  }
  REDLINE_INLINE const std::uint8_t* line(std::int32_t tap) const noexcept { return source + row_offset(tap); }
  REDLINE_INLINE const std::int32_t* column(std::int32_t tap) const noexcept {
    return columns->offsets + static_cast<std::ptrdiff_t>(tap) * columns->count;
  }
};

/// The four neighbours of some positions as gathered, and where between them the positions lie.
template <class L>
struct Corners {
  typename L::I nw, ne, sw, se;
  typename L::F across, down;

  template <int kByte>
  REDLINE_LANES REDLINE_INLINE typename L::F blend() const {
    const auto upper = lerp<L>(L::template byte_of<kByte>(nw), L::template byte_of<kByte>(ne), across);
    const auto lower = lerp<L>(L::template byte_of<kByte>(sw), L::template byte_of<kByte>(se), across);
    return lerp<L>(upper, lower, down);
  }
};

template <class L, int kBytes>
REDLINE_LANES REDLINE_INLINE Corners<L> gather_corners(const Taps& taps, std::int32_t x) {
  const auto first = L::load(taps.column(0) + x);
  const auto second = L::load(taps.column(1) + x);
  const std::uint8_t* top = taps.line(0);
  const std::uint8_t* bottom = taps.line(1);
  return {L::template gather_pixels<kBytes>(top, first),    L::template gather_pixels<kBytes>(top, second),
          L::template gather_pixels<kBytes>(bottom, first), L::template gather_pixels<kBytes>(bottom, second),
          L::load(taps.columns->weights + x),               L::set(taps.rows->weights[taps.row])};
}

/// One byte of each position.
template <class L>
REDLINE_LANES REDLINE_INLINE typename L::F bilinear_byte(const Taps& taps, std::int32_t x) {
  const auto first = L::load(taps.column(0) + x);
  const auto second = L::load(taps.column(1) + x);
  const auto across = L::load(taps.columns->weights + x);
  const std::uint8_t* top = taps.line(0);
  const std::uint8_t* bottom = taps.line(1);
  const auto upper = lerp<L>(L::gather_bytes(top, first), L::gather_bytes(top, second), across);
  const auto lower = lerp<L>(L::gather_bytes(bottom, first), L::gather_bytes(bottom, second), across);
  return lerp<L>(upper, lower, L::set(taps.rows->weights[taps.row]));
}

/// The first `kBytes` bytes of each position, each as a sum over everything the position covers.
template <class L, int kBytes>
REDLINE_LANES REDLINE_INLINE void area(const Taps& taps, std::int32_t x, typename L::F* sums) {
  for (int byte = 0; byte < kBytes; ++byte) sums[byte] = L::set(0.0f);
  for (std::int32_t j = 0; j < taps.rows->taps; ++j) {
    const std::uint8_t* line = taps.line(j);
    typename L::F across[3] = {L::set(0.0f), L::set(0.0f), L::set(0.0f)};
    for (std::int32_t i = 0; i < taps.columns->taps; ++i) {
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(i) * taps.columns->count + x;
      const auto weight = L::load(taps.columns->weights + at);
      const auto offsets = L::load(taps.columns->offsets + at);
      if constexpr (kBytes == 1) {
        across[0] = L::add(across[0], L::mul(weight, L::gather_bytes(line, offsets)));
      } else {
        const auto pixels = L::template gather_pixels<kBytes>(line, offsets);
        across[0] = L::add(across[0], L::mul(weight, L::template byte_of<0>(pixels)));
        across[1] = L::add(across[1], L::mul(weight, L::template byte_of<1>(pixels)));
        across[2] = L::add(across[2], L::mul(weight, L::template byte_of<2>(pixels)));
      }
    }
    const auto weight =
        L::set(taps.rows->weights[static_cast<std::ptrdiff_t>(j) * taps.rows->count + taps.row]);
    for (int byte = 0; byte < kBytes; ++byte) sums[byte] = L::add(sums[byte], L::mul(weight, across[byte]));
  }
}

/// Everything one output row is made from.
struct ImageRow {
  const ImagePlan* plan;
  Taps packed_or_luma;
  Taps cb;
  Taps cr;
};

template <class L>
REDLINE_LANES REDLINE_INLINE typename L::F byte_at(const Taps& taps, std::int32_t x, bool is_area) {
  if (!is_area) return bilinear_byte<L>(taps, x);
  typename L::F sum[1];
  area<L, 1>(taps, x, sum);
  return sum[0];
}

/// The three output channels of some positions, before the normalisation.
template <class L, Pixels kPixels>
REDLINE_LANES REDLINE_INLINE void sample(const ImageRow& row, std::int32_t x, typename L::F* channels) {
  const ImagePlan& plan = *row.plan;
  if constexpr (kPixels == Pixels::packed) {
    typename L::F bytes[3];
    if (plan.is_area) {
      area<L, 3>(row.packed_or_luma, x, bytes);
    } else {
      const Corners<L> corners = gather_corners<L, 3>(row.packed_or_luma, x);
      bytes[0] = corners.template blend<0>();
      bytes[1] = corners.template blend<1>();
      bytes[2] = corners.template blend<2>();
    }
    for (int channel = 0; channel < 3; ++channel) channels[channel] = bytes[plan.byte_of[channel]];
    return;
  }
  typename L::F cb, cr;
  if (kPixels == Pixels::pairs && !plan.is_area) {
    const Corners<L> corners = gather_corners<L, 2>(row.cb, x);
    cb = corners.template blend<0>();
    cr = corners.template blend<1>();
  } else {
    cb = byte_at<L>(row.cb, x, plan.is_area);
    cr = byte_at<L>(row.cr, x, plan.is_area);
  }
  const auto luma = L::mul(L::sub(byte_at<L>(row.packed_or_luma, x, plan.is_area), L::set(plan.luma_bias)),
                           L::set(plan.luma_gain));
  cb = L::sub(cb, L::set(128.0f));
  cr = L::sub(cr, L::set(128.0f));
  for (int channel = 0; channel < 3; ++channel) {
    const auto with_cb = L::add(luma, L::mul(cb, L::set(plan.cb_weight[channel])));
    const auto value = L::add(with_cb, L::mul(cr, L::set(plan.cr_weight[channel])));
    channels[channel] = L::min(L::max(value, L::set(0.0f)), L::set(255.0f));
  }
}

template <Element kElement>
struct Stored;
template <>
struct Stored<Element::f32> {
  using Type = float;
  template <class L>
  REDLINE_LANES static REDLINE_INLINE void put(Type* to, typename L::F value) {
    L::store(to, value);
  }
};
template <>
struct Stored<Element::f16> {
  using Type = std::uint16_t;
  template <class L>
  REDLINE_LANES static REDLINE_INLINE void put(Type* to, typename L::F value) {
    L::store_half(to, value);
  }
};
template <>
struct Stored<Element::u8> {
  using Type = std::uint8_t;
  template <class L>
  REDLINE_LANES static REDLINE_INLINE void put(Type* to, typename L::F value) {
    L::store_u8(to, value);
  }
};
template <>
struct Stored<Element::i8> {
  using Type = std::int8_t;
  template <class L>
  REDLINE_LANES static REDLINE_INLINE void put(Type* to, typename L::F value) {
    L::store_i8(to, value);
  }
};

/// Where one output row goes: the first element of each channel, and the elements from one position to the next.
template <Element kElement>
struct TargetRow {
  typename Stored<kElement>::Type* channels[3];
  std::ptrdiff_t step;
};

template <class L, Pixels kPixels, Element kElement>
REDLINE_LANES REDLINE_INLINE void write_positions(const ImageRow& row, const TargetRow<kElement>& to, std::int32_t x) {
  using Store = Stored<kElement>;
  const ImagePlan& plan = *row.plan;
  typename L::F values[3];
  sample<L, kPixels>(row, x, values);
  const std::ptrdiff_t at = plan.left + x;
  for (int channel = 0; channel < 3; ++channel) {
    const auto value = L::add(L::mul(values[channel], L::set(plan.gain[channel])), L::set(plan.bias[channel]));
    if (to.step == 1) {
      Store::template put<L>(to.channels[channel] + at, value);
    } else {
      typename Store::Type together[8];
      Store::template put<L>(together, value);
      for (int lane = 0; lane < L::kWidth; ++lane) to.channels[channel][(at + lane) * to.step] = together[lane];
    }
  }
}

/// How many positions of a row, from the left, may be read four bytes at a time.
REDLINE_INLINE std::int32_t wide_positions(const Taps& taps, std::int64_t source_bytes, const std::uint8_t* begin) {
  const std::int64_t row = (taps.source - begin) + taps.row_offset(taps.rows->taps - 1);
  const std::int32_t* last = taps.column(taps.columns->taps - 1);
  std::int32_t count = taps.columns->count;
  while (count > 0 && row + last[count - 1] + 4 > source_bytes) --count;
  return count;
}

template <Element kElement>
REDLINE_LANES REDLINE_INLINE void pad(const ImagePlan& plan, const TargetRow<kElement>& to, std::int32_t from,
                                      std::int32_t until) {
  for (int channel = 0; channel < 3; ++channel) {
    for (std::ptrdiff_t x = from; x < until; ++x) {
      Stored<kElement>::template put<ScalarLanes>(to.channels[channel] + x * to.step, plan.pad[channel]);
    }
  }
}

template <class L, Pixels kPixels, Element kElement>
REDLINE_LANES void write_image(const ImagePlan& plan, const std::uint8_t* source, void* target) {
  auto* out = static_cast<typename Stored<kElement>::Type*>(target);
  ImageRow row{&plan,
               {&plan.columns, &plan.rows, source, 0},
               {&plan.chroma_columns, &plan.chroma_rows, source + plan.cb_offset, 0},
               {&plan.chroma_columns, &plan.chroma_rows, source + plan.cr_offset, 0}};
  const std::ptrdiff_t width = plan.width;
  for (std::ptrdiff_t y = 0; y < plan.height; ++y) {
    TargetRow<kElement> to{};
    to.step = plan.is_planar ? 1 : 3;
    for (std::ptrdiff_t channel = 0; channel < 3; ++channel) {
      to.channels[channel] = out + (plan.is_planar ? (channel * plan.height + y) * width : y * width * 3 + channel);
    }
    const std::ptrdiff_t v = y - plan.top;
    if (v < 0 || v >= plan.rows.count) {
      pad(plan, to, 0, plan.width);
      continue;
    }
    row.packed_or_luma.row = row.cb.row = row.cr.row = static_cast<std::int32_t>(v);
    std::int32_t wide = wide_positions(row.packed_or_luma, plan.source_bytes, source);
    if constexpr (kPixels != Pixels::packed) {
      for (const Taps* chroma : {&row.cb, &row.cr}) {
        const std::int32_t count = wide_positions(*chroma, plan.source_bytes, source);
        wide = count < wide ? count : wide;
      }
    }
    pad(plan, to, 0, plan.left);
    std::int32_t x = 0;
    for (; x + L::kWidth <= wide; x += L::kWidth) write_positions<L, kPixels, kElement>(row, to, x);
    for (; x < plan.columns.count; ++x) write_positions<ScalarLanes, kPixels, kElement>(row, to, x);
    pad(plan, to, plan.left + plan.columns.count, plan.width);
  }
}

template <class L, Element kElement>
REDLINE_LANES void image_of(const ImagePlan& plan, const std::uint8_t* source, void* target) {
  if (!plan.is_planes) return write_image<L, Pixels::packed, kElement>(plan, source, target);
  if (plan.cr_offset == plan.cb_offset + 1) return write_image<L, Pixels::pairs, kElement>(plan, source, target);
  write_image<L, Pixels::planes, kElement>(plan, source, target);
}

template <class L>
REDLINE_LANES void image(const ImagePlan& plan, const std::uint8_t* source, void* target) {
  switch (plan.element) {
    case Element::f32:
      return image_of<L, Element::f32>(plan, source, target);
    case Element::f16:
      return image_of<L, Element::f16>(plan, source, target);
    case Element::u8:
      return image_of<L, Element::u8>(plan, source, target);
    case Element::i8:
      return image_of<L, Element::i8>(plan, source, target);
  }
}

}  // namespace

}  // namespace redline::ops
