// Owns the level op: how loud a frame of sound is, its peak, and what is wrong with it.
// Invariant: sums run in eight lanes of double, added up in the order runtime/ops/reference/level.ts has.

use core::arch::wasm32::*;

use crate::lanes::{Four, Lanes};
use crate::sum::Sum;

pub struct Call<'a> {
    pub samples: &'a [f32],
    pub pre_emphasis: f64,
    /// The sample before the frame.
    pub previous: f32,
    /// Above 0.
    pub clips_at: f64,
}

/// What is counted, four samples at a time.
struct Counts {
    peak: v128,
    clipped: v128,
    non_finite: v128,
}

impl Counts {
    /// Answers the samples with 0 for what is not finite.
    #[inline(always)]
    fn take(&mut self, samples: v128, clips_from: v128) -> v128 {
        let exponent = i32x4_splat(0x7f80_0000);
        let is_odd = i32x4_eq(v128_and(samples, exponent), exponent);
        let clean = v128_andnot(samples, is_odd);
        let size = f32x4_abs(clean);
        self.peak = Four::max(self.peak, size);
        self.clipped = i32x4_sub(self.clipped, f32x4_ge(size, clips_from));
        self.non_finite = i32x4_sub(self.non_finite, is_odd);
        clean
    }
}

/// Emphasised squares, squares, peak, clipped, not finite.
pub fn level(call: &Call) -> [f64; 5] {
    let mut emphasised = Sum::zero();
    let mut squares = Sum::zero();
    let mut counts = Counts { peak: f32x4_splat(0.0), clipped: i32x4_splat(0), non_finite: i32x4_splat(0) };
    let clips_from = f32x4_splat(least_float_from(call.clips_at));
    // Eight samples, and before them the one that went before.
    let mut block = [0.0f32; 9];
    block[0] = if call.previous.is_finite() { call.previous } else { 0.0 };
    let mut add = |block: &[f32; 9], counts: &mut Counts, samples: &[f32; 8], count: usize| -> [f32; 9] {
        let mut next = *block;
        let (low, high) = halves_of(samples);
        let clean = [counts.take(low, clips_from), counts.take(high, clips_from)];
        // SAFETY: eight floats lie behind the first of the nine.
        unsafe {
            v128_store(next.as_mut_ptr().add(1).cast(), clean[0]);
            v128_store(next.as_mut_ptr().add(5).cast(), clean[1]);
        }
        let now = last_eight(&next);
        let mut before = [next[0], next[1], next[2], next[3], next[4], next[5], next[6], next[7]];
        // Past the frame's end nothing is added: neither a square nor what a sample leaves behind.
        before[count..].fill(0.0);
        emphasised.add_squares(&now, &before, call.pre_emphasis);
        squares.add_products(&now, &now);
        next[0] = now[7];
        next
    };
    let (whole, rest) = call.samples.as_chunks::<8>();
    for samples in whole {
        block = add(&block, &mut counts, samples, 8);
    }
    if !rest.is_empty() {
        let mut samples = [0.0f32; 8];
        samples[..rest.len()].copy_from_slice(rest);
        add(&block, &mut counts, &samples, rest.len());
    }
    let peak = lanes_of(counts.peak).into_iter().map(f32::from_bits).fold(0.0f32, f32::max);
    let sum = |counted: v128| f64::from(lanes_of(counted).iter().sum::<u32>());
    [emphasised.total(), squares.total(), f64::from(peak), sum(counts.clipped), sum(counts.non_finite)]
}

/// The smallest float that is not below a double above 0.
fn least_float_from(value: f64) -> f32 {
    let nearest = value as f32;
    if f64::from(nearest) < value { f32::from_bits(nearest.to_bits() + 1) } else { nearest }
}

#[inline(always)]
fn halves_of(floats: &[f32; 8]) -> (v128, v128) {
    // SAFETY: eight floats lie there.
    unsafe { (v128_load(floats.as_ptr().cast()), v128_load(floats.as_ptr().add(4).cast())) }
}

#[inline(always)]
fn last_eight(block: &[f32; 9]) -> [f32; 8] {
    [block[1], block[2], block[3], block[4], block[5], block[6], block[7], block[8]]
}

#[inline(always)]
fn lanes_of(value: v128) -> [u32; 4] {
    [
        u32x4_extract_lane::<0>(value),
        u32x4_extract_lane::<1>(value),
        u32x4_extract_lane::<2>(value),
        u32x4_extract_lane::<3>(value),
    ]
}
