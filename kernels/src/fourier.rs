// Owns the real transform over lanes: passes, then the halves taken apart. Knows no sound.
// Invariant: each step rounds to float32 in the order runtime/ops/reference/fourier.ts has.

use crate::lanes::{Four, Lanes, One};
use crate::spectrum_plan::Plan;

const NEAR_RE: f32 = 0.309_016_994_374_947_45;
const FAR_RE: f32 = -0.809_016_994_374_947_3;
const NEAR_IM: f32 = 0.951_056_516_295_153_5;
const FAR_IM: f32 = 0.587_785_252_292_473_2;
const HALF_ROOT: f32 = core::f32::consts::FRAC_1_SQRT_2;

/// The legs of one butterfly.
struct Legs<L: Lanes> {
    re: [L::F; 8],
    im: [L::F; 8],
}

impl<L: Lanes> Legs<L> {
    #[inline(always)]
    fn none() -> Self {
        Self { re: [L::set(0.0); 8], im: [L::set(0.0); 8] }
    }

    #[inline(always)]
    fn two(&mut self) {
        let (re, im) = (self.re[0], self.im[0]);
        self.re[0] = L::add(re, self.re[1]);
        self.im[0] = L::add(im, self.im[1]);
        self.re[1] = L::sub(re, self.re[1]);
        self.im[1] = L::sub(im, self.im[1]);
    }

    /// Four legs from `first` on.
    #[inline(always)]
    fn four(&mut self, first: usize) {
        let [a, b, c, d] = [first, first + 1, first + 2, first + 3];
        let (re, im) = (&mut self.re, &mut self.im);
        let (sum_re, sum_im) = (L::add(re[a], re[c]), L::add(im[a], im[c]));
        let (gap_re, gap_im) = (L::sub(re[a], re[c]), L::sub(im[a], im[c]));
        let (odd_re, odd_im) = (L::add(re[b], re[d]), L::add(im[b], im[d]));
        let (turn_re, turn_im) = (L::sub(re[b], re[d]), L::sub(im[b], im[d]));
        re[a] = L::add(sum_re, odd_re);
        im[a] = L::add(sum_im, odd_im);
        re[b] = L::add(gap_re, turn_im);
        im[b] = L::sub(gap_im, turn_re);
        re[c] = L::sub(sum_re, odd_re);
        im[c] = L::sub(sum_im, odd_im);
        re[d] = L::sub(gap_re, turn_im);
        im[d] = L::add(gap_im, turn_re);
    }

    #[inline(always)]
    fn five(&mut self) {
        let (re, im) = (&mut self.re, &mut self.im);
        let [near_re_by, far_re_by, near_im_by, far_im_by] = [NEAR_RE, FAR_RE, NEAR_IM, FAR_IM].map(L::set);
        let (sum14_re, sum14_im) = (L::add(re[1], re[4]), L::add(im[1], im[4]));
        let (sum23_re, sum23_im) = (L::add(re[2], re[3]), L::add(im[2], im[3]));
        let (gap14_re, gap14_im) = (L::sub(re[1], re[4]), L::sub(im[1], im[4]));
        let (gap23_re, gap23_im) = (L::sub(re[2], re[3]), L::sub(im[2], im[3]));
        let near_re = L::add(re[0], L::add(L::mul(near_re_by, sum14_re), L::mul(far_re_by, sum23_re)));
        let near_im = L::add(im[0], L::add(L::mul(near_re_by, sum14_im), L::mul(far_re_by, sum23_im)));
        let far_re = L::add(re[0], L::add(L::mul(far_re_by, sum14_re), L::mul(near_re_by, sum23_re)));
        let far_im = L::add(im[0], L::add(L::mul(far_re_by, sum14_im), L::mul(near_re_by, sum23_im)));
        let swing_re = L::add(L::mul(near_im_by, gap14_re), L::mul(far_im_by, gap23_re));
        let swing_im = L::add(L::mul(near_im_by, gap14_im), L::mul(far_im_by, gap23_im));
        let sway_re = L::sub(L::mul(far_im_by, gap14_re), L::mul(near_im_by, gap23_re));
        let sway_im = L::sub(L::mul(far_im_by, gap14_im), L::mul(near_im_by, gap23_im));
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
    #[inline(always)]
    fn eight(&mut self) {
        for leg in 0..4 {
            let (re, im) = (self.re[leg], self.im[leg]);
            self.re[leg] = L::add(re, self.re[leg + 4]);
            self.im[leg] = L::add(im, self.im[leg + 4]);
            self.re[leg + 4] = L::sub(re, self.re[leg + 4]);
            self.im[leg + 4] = L::sub(im, self.im[leg + 4]);
        }
        let (sum, gap) = (L::add(self.re[5], self.im[5]), L::sub(self.im[5], self.re[5]));
        self.re[5] = L::mul(L::set(HALF_ROOT), sum);
        self.im[5] = L::mul(L::set(HALF_ROOT), gap);
        let turned = self.re[6];
        self.re[6] = self.im[6];
        // A product with -1 changes the sign alone.
        self.im[6] = L::mul(turned, L::set(-1.0));
        let (sum, gap) = (L::add(self.re[7], self.im[7]), L::sub(self.im[7], self.re[7]));
        self.re[7] = L::mul(L::set(HALF_ROOT), gap);
        self.im[7] = L::mul(L::set(-HALF_ROOT), sum);
        self.four(0);
        self.four(4);
        // Legs lie even, then odd: 0 2 4 6 1 3 5 7.
        self.re = [0, 4, 1, 5, 2, 6, 3, 7].map(|leg| self.re[leg]);
        self.im = [0, 4, 1, 5, 2, 6, 3, 7].map(|leg| self.im[leg]);
    }

    #[inline(always)]
    fn butterfly<const RADIX: usize>(&mut self) {
        match RADIX {
            2 => self.two(),
            4 => self.four(0),
            5 => self.five(),
            _ => self.eight(),
        }
    }

    #[inline(always)]
    fn turn(&mut self, leg: usize, cosine: L::F, sine: L::F) {
        let (re, im) = (self.re[leg], self.im[leg]);
        self.re[leg] = L::sub(L::mul(re, cosine), L::mul(im, sine));
        self.im[leg] = L::add(L::mul(re, sine), L::mul(im, cosine));
    }
}

/// Real parts and imaginary parts.
#[derive(Clone, Copy)]
pub struct Halves {
    re: *mut f32,
    im: *mut f32,
}

/// One pass: `positions` butterflies for each of `stride` neighbours.
struct Pass {
    positions: usize,
    stride: usize,
    twiddles: *const f32,
}

/// The first pass, of eight: positions are neighbours, and even and odd floats of the signal real and imaginary parts.
#[inline(always)]
unsafe fn first_at<L: Lanes>(pass: &Pass, signal: *const f32, to: Halves, position: usize) {
    let mut legs = Legs::<L>::none();
    unsafe {
        for leg in 0..8 {
            (legs.re[leg], legs.im[leg]) = L::unzip(signal.add(2 * (position + pass.positions * leg)));
        }
        legs.eight();
        if pass.positions > 1 {
            for leg in 1..8 {
                let cosine = pass.twiddles.add((leg - 1) * pass.positions + position);
                legs.turn(leg, L::load(cosine), L::load(cosine.add(7 * pass.positions)));
            }
        }
        L::store_columns(to.re.add(8 * position), &legs.re);
        L::store_columns(to.im.add(8 * position), &legs.im);
    }
}

/// A later pass: its stride is a multiple of eight.
#[inline(always)]
unsafe fn later_pass<const RADIX: usize>(pass: &Pass, from: Halves, to: Halves) {
    let imaginary = (RADIX - 1) * pass.positions;
    for position in 0..pass.positions {
        for lane in (0..pass.stride).step_by(Four::WIDTH) {
            let mut legs = Legs::<Four>::none();
            unsafe {
                for leg in 0..RADIX {
                    let at = lane + pass.stride * (position + pass.positions * leg);
                    legs.re[leg] = Four::load(from.re.add(at));
                    legs.im[leg] = Four::load(from.im.add(at));
                }
                legs.butterfly::<RADIX>();
                if pass.positions > 1 {
                    for leg in 1..RADIX {
                        let root = pass.twiddles.add((leg - 1) * pass.positions + position);
                        legs.turn(leg, Four::set(*root), Four::set(*root.add(imaginary)));
                    }
                }
                for leg in 0..RADIX {
                    let at = lane + pass.stride * (RADIX * position + leg);
                    Four::store(to.re.add(at), legs.re[leg]);
                    Four::store(to.im.add(at), legs.im[leg]);
                }
            }
        }
    }
}

/// Transforms the plan's signal and answers where the result lies.
///
/// SAFETY: the plan was read from a block that is there.
pub unsafe fn transform(plan: &Plan) -> Halves {
    let length = plan.points / 2;
    unsafe {
        let mut from = Halves { re: plan.halves.add(2 * length), im: plan.halves.add(3 * length) };
        let mut to = Halves { re: plan.halves, im: plan.halves.add(length) };
        let mut pass = Pass { positions: length / 8, stride: 1, twiddles: plan.twiddles };
        let whole = pass.positions - pass.positions % Four::WIDTH;
        for position in (0..whole).step_by(Four::WIDTH) {
            first_at::<Four>(&pass, plan.signal, to, position);
        }
        for position in whole..pass.positions {
            first_at::<One>(&pass, plan.signal, to, position);
        }
        let mut radix = 8;
        for next in &plan.radices[1..plan.passes] {
            pass.twiddles = pass.twiddles.add(2 * (radix - 1) * pass.positions);
            pass.stride *= radix;
            radix = *next;
            pass.positions /= radix;
            (from, to) = (to, from);
            match radix {
                8 => later_pass::<8>(&pass, from, to),
                5 => later_pass::<5>(&pass, from, to),
                4 => later_pass::<4>(&pass, from, to),
                _ => later_pass::<2>(&pass, from, to),
            }
        }
        to
    }
}

#[inline(always)]
unsafe fn bins_at<L: Lanes, const IS_POWER: bool>(plan: &Plan, found: Halves, out: *mut f32, k: usize) {
    let length = plan.points / 2;
    let mirrored = length - k - (L::WIDTH - 1);
    unsafe {
        let (zr, zi) = (L::load(found.re.add(k)), L::load(found.im.add(k)));
        let (yr, yi) = (L::reverse(L::load(found.re.add(mirrored))), L::reverse(L::load(found.im.add(mirrored))));
        // Twice the transforms of the even samples and of the odd ones.
        let (even_re, even_im) = (L::add(zr, yr), L::sub(zi, yi));
        let (odd_re, odd_im) = (L::add(zi, yi), L::sub(yr, zr));
        let (cosine, sine) = (L::load(plan.splits.add(k)), L::load(plan.splits.add(length + k)));
        let x = L::add(even_re, L::sub(L::mul(odd_re, cosine), L::mul(odd_im, sine)));
        let y = L::add(even_im, L::add(L::mul(odd_re, sine), L::mul(odd_im, cosine)));
        let power = L::mul(L::set(0.25), L::add(L::mul(x, x), L::mul(y, y)));
        L::store(out.add(k), if IS_POWER { power } else { L::sqrt(power) });
    }
}

/// Writes points / 2 + 1 powers, or magnitudes.
///
/// SAFETY: the plan's transform lies at `found`, and there is room at `out`.
pub unsafe fn take_apart(plan: &Plan, found: Halves, out: *mut f32) {
    unsafe { if plan.is_power { bins::<true>(plan, found, out) } else { bins::<false>(plan, found, out) } }
}

unsafe fn bins<const IS_POWER: bool>(plan: &Plan, found: Halves, out: *mut f32) {
    let length = plan.points / 2;
    unsafe {
        let (re, im) = (*found.re, *found.im);
        for (at, value) in [(0, re + im), (length, re - im)] {
            let power = value * value;
            out.add(at).write(if IS_POWER { power } else { One::sqrt(power) });
        }
        let mut k = 1;
        while k + Four::WIDTH <= length {
            bins_at::<Four, IS_POWER>(plan, found, out, k);
            k += Four::WIDTH;
        }
        for k in k..length {
            bins_at::<One, IS_POWER>(plan, found, out, k);
        }
    }
}
