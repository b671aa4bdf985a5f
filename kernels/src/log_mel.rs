// Owns the log-mel op over lanes.
// Invariant: each step rounds to float32 in the order runtime/ops/reference/log-mel.ts has.

use crate::fourier::{take_apart, transform};
use crate::lanes::{Four, Lanes, One};
use crate::spectrum_plan::Plan;
use crate::stft::prepare_frame;
use crate::sum::Eight;

/// ln 2 in two parts: whole multiples of the first, up to 2^8, are exact.
const LN2_HIGH: f32 = 0.693_145_751_953_125;
const LN2_LOW: f32 = (core::f64::consts::LN_2 - 0.693_145_751_953_125) as f32;
const LOG_TERMS: [f32; 4] =
    [(2.0f64 / 9.0) as f32, (2.0f64 / 7.0) as f32, (2.0f64 / 5.0) as f32, (2.0f64 / 3.0) as f32];

/// ln of normal numbers above 0; NaN of infinity and NaN.
#[inline(always)]
pub fn natural_log<L: Lanes>(value: L::F) -> L::F {
    let (exponent, rest) = L::split(value);
    let s = L::div(L::sub(rest, L::set(1.0)), L::add(rest, L::set(1.0)));
    let square = L::mul(s, s);
    let mut series = L::set(LOG_TERMS[0]);
    for term in &LOG_TERMS[1..] {
        series = L::add(L::mul(series, square), L::set(*term));
    }
    series = L::mul(L::mul(series, square), s);
    let low = L::add(series, L::mul(exponent, L::set(LN2_LOW)));
    let sum = L::add(L::mul(exponent, L::set(LN2_HIGH)), L::add(L::add(s, s), low));
    L::add(sum, L::sub(value, value))
}

#[inline(always)]
unsafe fn log_at<L: Lanes>(plan: &Plan, band: usize) {
    unsafe {
        let sum = L::max(L::set(plan.floor), L::load(plan.logs.add(band)));
        L::store(plan.logs.add(band), L::mul(natural_log::<L>(sum), L::set(plan.log_factor)));
    }
}

#[inline(always)]
unsafe fn finish_at<L: Lanes>(plan: &Plan, least: f32, out: *mut f32) {
    unsafe {
        let value = L::max(L::set(least), L::load(out));
        L::store(out, L::add(L::mul(value, L::set(plan.gain)), L::set(plan.bias)));
    }
}

/// Raises every value to the range below the largest, then gain and bias.
unsafe fn finish(plan: &Plan, out: *mut f32) {
    let count = plan.frames * plan.bands;
    let mut largest = f32::NEG_INFINITY;
    unsafe {
        if plan.range > 0.0 {
            for at in 0..count {
                largest = One::max(*out.add(at), largest);
            }
        }
        let least = largest - plan.range;
        let whole = count - count % Four::WIDTH;
        for at in (0..whole).step_by(Four::WIDTH) {
            finish_at::<Four>(plan, least, out.add(at));
        }
        for at in whole..count {
            finish_at::<One>(plan, least, out.add(at));
        }
    }
}

/// SAFETY: the plan's samples lie there, and room for its frames.
pub unsafe fn log_mel(plan: &Plan, samples: *const u8, out: *mut f32) {
    unsafe {
        for frame in 0..plan.frames {
            prepare_frame(plan, samples, frame);
            take_apart(plan, transform(plan), plan.bins);
            for band in 0..plan.bands {
                let [first, taps, at] = (*plan.band_rows.add(band)).map(|value| value as usize);
                let mut sum = Eight::zero();
                for tap in (0..taps).step_by(8) {
                    sum.add_products(plan.bins.add(first + tap), plan.band_weights.add(at + tap));
                }
                *plan.logs.add(band) = sum.total();
            }
            let whole = plan.bands - plan.bands % Four::WIDTH;
            for band in (0..whole).step_by(Four::WIDTH) {
                log_at::<Four>(plan, band);
            }
            for band in whole..plan.bands {
                log_at::<One>(plan, band);
            }
            for band in 0..plan.bands {
                let at = if plan.is_bands_first { band * plan.frames + frame } else { frame * plan.bands + band };
                *out.add(at) = *plan.logs.add(band);
            }
        }
        finish(plan, out);
    }
}
