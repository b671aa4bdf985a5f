// Owns the real transform over lanes: passes, then the halves taken apart. Knows no sound and no instruction set.
// Invariant: each step rounds to float32 in the order runtime/ops/reference/fourier.ts has.
#pragma once

#include "ops/lanes.h"
#include "ops/spectrum_plan.h"

namespace redline::ops {

namespace {

constexpr float kNearRe = static_cast<float>(0.30901699437494745);
constexpr float kFarRe = static_cast<float>(-0.8090169943749473);
constexpr float kNearIm = static_cast<float>(0.9510565162951535);
constexpr float kFarIm = static_cast<float>(0.5877852522924732);
constexpr float kHalfRoot = static_cast<float>(0.7071067811865476);

/// The legs of one butterfly.
template <class L>
struct Legs {
  typename L::F re[8];
  typename L::F im[8];
};

template <class L>
REDLINE_LANES REDLINE_INLINE void two_legs(Legs<L>& legs) {
  const auto re = legs.re[0];
  const auto im = legs.im[0];
  legs.re[0] = L::add(re, legs.re[1]);
  legs.im[0] = L::add(im, legs.im[1]);
  legs.re[1] = L::sub(re, legs.re[1]);
  legs.im[1] = L::sub(im, legs.im[1]);
}

/// Four legs from `first` on, in place.
template <class L>
REDLINE_LANES REDLINE_INLINE void four_legs(Legs<L>& legs, int first) {
  auto* re = legs.re + first;
  auto* im = legs.im + first;
  const auto sum_re = L::add(re[0], re[2]);
  const auto sum_im = L::add(im[0], im[2]);
  const auto gap_re = L::sub(re[0], re[2]);
  const auto gap_im = L::sub(im[0], im[2]);
  const auto odd_re = L::add(re[1], re[3]);
  const auto odd_im = L::add(im[1], im[3]);
  const auto turn_re = L::sub(re[1], re[3]);
  const auto turn_im = L::sub(im[1], im[3]);
  re[0] = L::add(sum_re, odd_re);
  im[0] = L::add(sum_im, odd_im);
  re[1] = L::add(gap_re, turn_im);
  im[1] = L::sub(gap_im, turn_re);
  re[2] = L::sub(sum_re, odd_re);
  im[2] = L::sub(sum_im, odd_im);
  re[3] = L::sub(gap_re, turn_im);
  im[3] = L::add(gap_im, turn_re);
}

template <class L>
REDLINE_LANES REDLINE_INLINE void five_legs(Legs<L>& legs) {
  auto* re = legs.re;
  auto* im = legs.im;
  const auto near_re_by = L::set(kNearRe);
  const auto far_re_by = L::set(kFarRe);
  const auto near_im_by = L::set(kNearIm);
  const auto far_im_by = L::set(kFarIm);
  const auto sum14_re = L::add(re[1], re[4]);
  const auto sum14_im = L::add(im[1], im[4]);
  const auto sum23_re = L::add(re[2], re[3]);
  const auto sum23_im = L::add(im[2], im[3]);
  const auto gap14_re = L::sub(re[1], re[4]);
  const auto gap14_im = L::sub(im[1], im[4]);
  const auto gap23_re = L::sub(re[2], re[3]);
  const auto gap23_im = L::sub(im[2], im[3]);
  const auto near_re = L::add(re[0], L::add(L::mul(near_re_by, sum14_re), L::mul(far_re_by, sum23_re)));
  const auto near_im = L::add(im[0], L::add(L::mul(near_re_by, sum14_im), L::mul(far_re_by, sum23_im)));
  const auto far_re = L::add(re[0], L::add(L::mul(far_re_by, sum14_re), L::mul(near_re_by, sum23_re)));
  const auto far_im = L::add(im[0], L::add(L::mul(far_re_by, sum14_im), L::mul(near_re_by, sum23_im)));
  const auto swing_re = L::add(L::mul(near_im_by, gap14_re), L::mul(far_im_by, gap23_re));
  const auto swing_im = L::add(L::mul(near_im_by, gap14_im), L::mul(far_im_by, gap23_im));
  const auto sway_re = L::sub(L::mul(far_im_by, gap14_re), L::mul(near_im_by, gap23_re));
  const auto sway_im = L::sub(L::mul(far_im_by, gap14_im), L::mul(near_im_by, gap23_im));
  re[0] = L::add(re[0], L::add(sum14_re, sum23_re));
  im[0] = L::add(im[0], L::add(sum14_im, sum23_im));
  re[1] = L::add(near_re, swing_im);
  im[1] = L::sub(near_im, swing_re);
  re[2] = L::add(far_re, sway_im);
  im[2] = L::sub(far_im, sway_re);
  re[3] = L::sub(far_re, sway_im);
  im[3] = L::add(far_im, sway_re);
  re[4] = L::sub(near_re, swing_im);
  im[4] = L::add(near_im, swing_re);
}

/// Two transforms of four: of the sums of opposite legs, and of their differences turned by eighths.
template <class L>
REDLINE_LANES REDLINE_INLINE void eight_legs(Legs<L>& legs) {
  auto* re = legs.re;
  auto* im = legs.im;
  for (int leg = 0; leg < 4; ++leg) {
    const auto first_re = re[leg];
    const auto first_im = im[leg];
    re[leg] = L::add(first_re, re[leg + 4]);
    im[leg] = L::add(first_im, im[leg + 4]);
    re[leg + 4] = L::sub(first_re, re[leg + 4]);
    im[leg + 4] = L::sub(first_im, im[leg + 4]);
  }
  const auto half = L::set(kHalfRoot);
  const auto minus_half = L::set(-kHalfRoot);
  const auto sum = L::add(re[5], im[5]);
  const auto gap = L::sub(im[5], re[5]);
  re[5] = L::mul(half, sum);
  im[5] = L::mul(half, gap);
  const auto turned = re[6];
  re[6] = im[6];
  // A product with -1 changes the sign alone.
  im[6] = L::mul(turned, L::set(-1.0f));
  const auto sum3 = L::add(re[7], im[7]);
  const auto gap3 = L::sub(im[7], re[7]);
  re[7] = L::mul(half, gap3);
  im[7] = L::mul(minus_half, sum3);
  four_legs<L>(legs, 0);
  four_legs<L>(legs, 4);
  // Legs lie even, then odd: 0 2 4 6 1 3 5 7.
  const Legs<L> found = legs;
  for (int leg = 0; leg < 4; ++leg) {
    re[2 * leg] = found.re[leg];
    im[2 * leg] = found.im[leg];
    re[2 * leg + 1] = found.re[leg + 4];
    im[2 * leg + 1] = found.im[leg + 4];
  }
}

template <class L, int kRadix>
REDLINE_LANES REDLINE_INLINE void butterfly(Legs<L>& legs) {
  if constexpr (kRadix == 2) two_legs<L>(legs);
  if constexpr (kRadix == 4) four_legs<L>(legs, 0);
  if constexpr (kRadix == 5) five_legs<L>(legs);
  if constexpr (kRadix == 8) eight_legs<L>(legs);
}

template <class L>
REDLINE_LANES REDLINE_INLINE void turn(Legs<L>& legs, int leg, typename L::F cosine, typename L::F sine) {
  const auto re = legs.re[leg];
  const auto im = legs.im[leg];
  legs.re[leg] = L::sub(L::mul(re, cosine), L::mul(im, sine));
  legs.im[leg] = L::add(L::mul(re, sine), L::mul(im, cosine));
}

/// Real parts and imaginary parts.
struct Halves {
  float* re;
  float* im;
};

/// One pass: `positions` butterflies for each of `stride` neighbours.
struct Pass {
  std::size_t positions;
  std::size_t stride;
  const float* twiddles;
};

/// The first pass, of eight: positions are neighbours, and even and odd floats of the signal real and imaginary parts.
template <class L>
REDLINE_LANES REDLINE_INLINE void first_at(const Pass& pass, const float* signal, Halves to, std::size_t position) {
  Legs<L> legs;
  for (std::size_t leg = 0; leg < 8; ++leg) {
    L::unzip(signal + 2 * (position + pass.positions * leg), &legs.re[leg], &legs.im[leg]);
  }
  eight_legs<L>(legs);
  if (pass.positions > 1) {
    const float* cosines = pass.twiddles + position;
    const float* sines = cosines + 7 * pass.positions;
    for (int leg = 1; leg < 8; ++leg) {
      turn<L>(legs, leg, L::load(cosines), L::load(sines));
      cosines += pass.positions;
      sines += pass.positions;
    }
  }
  L::store_columns(to.re + 8 * position, legs.re);
  L::store_columns(to.im + 8 * position, legs.im);
}

template <class L>
REDLINE_LANES void first_pass(const Pass& pass, const float* signal, Halves to) {
  std::size_t position = 0;
  for (; position + L::kWidth <= pass.positions; position += L::kWidth) first_at<L>(pass, signal, to, position);
  for (; position < pass.positions; ++position) first_at<ScalarLanes>(pass, signal, to, position);
}

/// A later pass: its stride is a multiple of eight.
template <class L, int kRadix>
REDLINE_LANES void later_pass(const Pass& pass, Halves from, Halves to) {
  const std::size_t imaginary = (kRadix - 1) * pass.positions;
  for (std::size_t position = 0; position < pass.positions; ++position) {
    for (std::size_t lane = 0; lane < pass.stride; lane += L::kWidth) {
      Legs<L> legs;
      for (std::size_t leg = 0; leg < kRadix; ++leg) {
        const std::size_t at = lane + pass.stride * (position + pass.positions * leg);
        legs.re[leg] = L::load(from.re + at);
        legs.im[leg] = L::load(from.im + at);
      }
      butterfly<L, kRadix>(legs);
      if (pass.positions > 1) {
        for (std::size_t leg = 1; leg < kRadix; ++leg) {
          const float* root = pass.twiddles + (leg - 1) * pass.positions + position;
          turn<L>(legs, static_cast<int>(leg), L::set(root[0]), L::set(root[imaginary]));
        }
      }
      for (std::size_t leg = 0; leg < kRadix; ++leg) {
        const std::size_t at = lane + pass.stride * (kRadix * position + leg);
        L::store(to.re + at, legs.re[leg]);
        L::store(to.im + at, legs.im[leg]);
      }
    }
  }
}

/// Transforms the plan's signal and answers where the result lies.
template <class L>
REDLINE_LANES Halves transform(const SpectrumPlan& plan) {
  const auto length = static_cast<std::size_t>(plan.points / 2);
  Halves from{plan.halves + 2 * length, plan.halves + 3 * length};
  Halves to{plan.halves, plan.halves + length};
  Pass pass{length / 8, 1, plan.twiddles};
  first_pass<L>(pass, plan.signal, to);
  std::size_t radix = 8;
  for (int index = 1; index < plan.passes; ++index) {
    pass.twiddles += 2 * (radix - 1) * pass.positions;
    pass.stride *= radix;
    radix = static_cast<std::size_t>(plan.radices[index]);
    pass.positions /= radix;
    const Halves before = to;
    to = from;
    from = before;
    if (radix == 8) {
      later_pass<L, 8>(pass, from, to);
    } else if (radix == 5) {
      later_pass<L, 5>(pass, from, to);
    } else if (radix == 4) {
      later_pass<L, 4>(pass, from, to);
    } else {
      later_pass<L, 2>(pass, from, to);
    }
  }
  return to;
}

template <class L, bool kIsPower>
REDLINE_LANES REDLINE_INLINE void bins_at(const SpectrumPlan& plan, Halves found, float* out, std::size_t k) {
  const auto length = static_cast<std::size_t>(plan.points / 2);
  const std::size_t mirrored = length - k - (L::kWidth - 1);
  const auto zr = L::load(found.re + k);
  const auto zi = L::load(found.im + k);
  const auto yr = L::reverse(L::load(found.re + mirrored));
  const auto yi = L::reverse(L::load(found.im + mirrored));
  // Twice the transforms of the even samples and of the odd ones.
  const auto even_re = L::add(zr, yr);
  const auto even_im = L::sub(zi, yi);
  const auto odd_re = L::add(zi, yi);
  const auto odd_im = L::sub(yr, zr);
  const auto cosine = L::load(plan.splits + k);
  const auto sine = L::load(plan.splits + length + k);
  const auto x = L::add(even_re, L::sub(L::mul(odd_re, cosine), L::mul(odd_im, sine)));
  const auto y = L::add(even_im, L::add(L::mul(odd_re, sine), L::mul(odd_im, cosine)));
  const auto power = L::mul(L::set(0.25f), L::add(L::mul(x, x), L::mul(y, y)));
  if constexpr (kIsPower) L::store(out + k, power);
  if constexpr (!kIsPower) L::store(out + k, L::sqrt(power));
}

/// Writes points / 2 + 1 powers, or magnitudes.
template <class L, bool kIsPower>
REDLINE_LANES void take_apart(const SpectrumPlan& plan, Halves found, float* out) {
  const auto length = static_cast<std::size_t>(plan.points / 2);
  const float sum = found.re[0] + found.im[0];
  const float gap = found.re[0] - found.im[0];
  out[0] = kIsPower ? sum * sum : std::sqrt(sum * sum);
  out[length] = kIsPower ? gap * gap : std::sqrt(gap * gap);
  std::size_t k = 1;
  for (; k + L::kWidth <= length; k += L::kWidth) bins_at<L, kIsPower>(plan, found, out, k);
  for (; k < length; ++k) bins_at<ScalarLanes, kIsPower>(plan, found, out, k);
}

}  // namespace

}  // namespace redline::ops
