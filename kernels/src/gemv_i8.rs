// Owns the product of an int8 matrix and a vector of 7-bit unsigned activations, scaled and biased by row.
// Invariant: the sums are exact. The relaxed instruction is so for activations from 0 to 127 only, which is why there are no others.

use core::arch::wasm32::*;

use crate::lanes::{Four, Lanes, One};

/// Rows that share one reading of the activations.
const ROWS: usize = 4;
const WIDTH: usize = 16;

/// rows x columns weights, columns activations; scales, biases and room for outputs by row.
pub struct Call {
    pub weights: *const i8,
    pub activations: *const u8,
    pub scales: *const f32,
    pub biases: *const f32,
    pub output: *mut f32,
    pub rows: usize,
    pub columns: usize,
    /// Outputs below 0 become 0.
    pub is_rectified: bool,
}

/// Adds sixteen products to the sums.
///
/// SAFETY: sixteen weights and sixteen activations lie there.
#[inline(always)]
unsafe fn add_products(sums: v128, weights: *const i8, activations: *const u8) -> v128 {
    #[cfg(target_feature = "relaxed-simd")]
    unsafe {
        i32x4_relaxed_dot_i8x16_i7x16_add(v128_load(weights.cast()), v128_load(activations.cast()), sums)
    }
    #[cfg(not(target_feature = "relaxed-simd"))]
    unsafe {
        let low = i32x4_dot_i16x8(i16x8_load_extend_i8x8(weights), i16x8_load_extend_u8x8(activations));
        let high = i32x4_dot_i16x8(i16x8_load_extend_i8x8(weights.add(8)), i16x8_load_extend_u8x8(activations.add(8)));
        i32x4_add(sums, i32x4_add(low, high))
    }
}

#[inline(always)]
fn total_of(sums: v128) -> i32 {
    let two = i32x4_add(sums, i32x4_shuffle::<2, 3, 0, 1>(sums, sums));
    i32x4_extract_lane::<0>(two).wrapping_add(i32x4_extract_lane::<1>(two))
}

/// The sums of N rows, `columns` apart. Each runs in two chains: one alone would wait for its own additions.
///
/// SAFETY: N rows of weights and one of activations lie there.
#[inline(always)]
pub unsafe fn sums_of<const N: usize>(weights: *const i8, activations: *const u8, columns: usize) -> [i32; N] {
    let mut even = [i32x4_splat(0); N];
    let mut odd = [i32x4_splat(0); N];
    let pairs = columns - columns % (2 * WIDTH);
    let whole = columns - columns % WIDTH;
    unsafe {
        for at in (0..pairs).step_by(2 * WIDTH) {
            for row in 0..N {
                let weights = weights.add(row * columns + at);
                even[row] = add_products(even[row], weights, activations.add(at));
                odd[row] = add_products(odd[row], weights.add(WIDTH), activations.add(at + WIDTH));
            }
        }
        if pairs < whole {
            for row in 0..N {
                even[row] = add_products(even[row], weights.add(row * columns + pairs), activations.add(pairs));
            }
        }
        let mut totals = [0; N];
        for row in 0..N {
            totals[row] = total_of(i32x4_add(even[row], odd[row]));
        }
        for at in whole..columns {
            let activation = i32::from(*activations.add(at));
            for (row, total) in totals.iter_mut().enumerate() {
                *total = total.wrapping_add(i32::from(*weights.add(row * columns + at)) * activation);
            }
        }
        totals
    }
}

/// SAFETY: WIDTH scales and biases lie at `row`, and room for as many outputs.
#[inline(always)]
unsafe fn finish<L: Lanes>(call: &Call, row: usize, sums: L::F) {
    unsafe {
        let scaled = L::mul(sums, L::load(call.scales.add(row)));
        let value = L::add(scaled, L::load(call.biases.add(row)));
        L::store(call.output.add(row), if call.is_rectified { L::max(value, L::set(0.0)) } else { value });
    }
}

/// SAFETY: the call's memory is there, and its output overlaps nothing.
pub unsafe fn gemv_i8(call: &Call) {
    let whole = call.rows - call.rows % ROWS;
    for row in (0..whole).step_by(ROWS) {
        unsafe {
            let weights = call.weights.add(row * call.columns);
            let [a, b, c, d] = sums_of::<ROWS>(weights, call.activations, call.columns);
            finish::<Four>(call, row, f32x4_convert_i32x4(i32x4(a, b, c, d)));
        }
    }
    for row in whole..call.rows {
        unsafe {
            let weights = call.weights.add(row * call.columns);
            let [sum] = sums_of::<1>(weights, call.activations, call.columns);
            finish::<One>(call, row, sum as f32);
        }
    }
}
