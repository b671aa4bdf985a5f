// Owns the sums of eight doubles, and of eight floats, that the ops of sound add up in. Knows no op.
// Invariant: lane t mod 8 takes element t, and lanes are added as ((0+4)+(2+6))+((1+5)+(3+7)).

use core::arch::wasm32::*;

/// Eight lanes in four pairs.
#[derive(Clone, Copy)]
pub struct Sum([v128; 4]);

impl Sum {
    #[inline(always)]
    pub fn zero() -> Self {
        Self([f64x2_splat(0.0); 4])
    }

    /// Products of eight floats, exact in double.
    #[inline(always)]
    pub fn add_products(&mut self, a: &[f32; 8], b: &[f32; 8]) {
        for pair in 0..4 {
            self.0[pair] = f64x2_add(self.0[pair], f64x2_mul(pair_of(a, pair), pair_of(b, pair)));
        }
    }

    /// Squares of `now - factor * before`.
    #[inline(always)]
    pub fn add_squares(&mut self, now: &[f32; 8], before: &[f32; 8], factor: f64) {
        for pair in 0..4 {
            let weighed = f64x2_mul(f64x2_splat(factor), pair_of(before, pair));
            let difference = f64x2_sub(pair_of(now, pair), weighed);
            self.0[pair] = f64x2_add(self.0[pair], f64x2_mul(difference, difference));
        }
    }

    #[inline(always)]
    pub fn total(&self) -> f64 {
        let [a, b, c, d] = self.0;
        let two = f64x2_add(f64x2_add(a, c), f64x2_add(b, d));
        f64x2_extract_lane::<0>(two) + f64x2_extract_lane::<1>(two)
    }
}

/// Eight lanes of floats.
pub struct Eight([v128; 2]);

impl Eight {
    #[inline(always)]
    pub fn zero() -> Self {
        Self([f32x4_splat(0.0); 2])
    }

    /// SAFETY of both: eight floats lie at each pointer.
    #[inline(always)]
    pub unsafe fn add(&mut self, a: *const f32) {
        for half in 0..2 {
            self.0[half] = f32x4_add(self.0[half], unsafe { v128_load(a.add(4 * half).cast()) });
        }
    }

    #[inline(always)]
    pub unsafe fn add_products(&mut self, a: *const f32, b: *const f32) {
        for half in 0..2 {
            let (a, b) = unsafe { (v128_load(a.add(4 * half).cast()), v128_load(b.add(4 * half).cast())) };
            self.0[half] = f32x4_add(self.0[half], f32x4_mul(a, b));
        }
    }

    #[inline(always)]
    pub fn total(&self) -> f32 {
        let four = f32x4_add(self.0[0], self.0[1]);
        let two = f32x4_add(four, i32x4_shuffle::<2, 3, 0, 1>(four, four));
        f32x4_extract_lane::<0>(two) + f32x4_extract_lane::<1>(two)
    }
}

#[inline(always)]
fn pair_of(floats: &[f32; 8], pair: usize) -> v128 {
    // SAFETY: pair is below 4, so two floats lie there.
    f64x2_promote_low_f32x4(unsafe { v128_load64_zero(floats.as_ptr().add(2 * pair).cast()) })
}
