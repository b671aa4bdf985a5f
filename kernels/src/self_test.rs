// Owns the answer to whether this engine computes what the ops rely on: vectors against single numbers, bit for bit.
// Invariant: no input is known to the compiler, so that nothing of the comparison is computed ahead of time.

use core::arch::wasm32::*;

use crate::gemv_i8::sums_of;
use crate::lanes::{Four, Lanes, One};
use crate::log_mel::natural_log;
use crate::margins::soft_margin;
use crate::sum::Sum;

/// What is wrong, one bit each.
pub const WRONG_DOT: u32 = 1;
pub const WRONG_FLOATS: u32 = 2;
pub const WRONG_STORES: u32 = 4;
pub const WRONG_DOUBLES: u32 = 8;

/// Edges of rounding, of the types that are written, of denormals; and what is no number.
const VALUES: [f32; 32] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1.5,
    2.5,
    -2.5,
    0.1,
    -0.3,
    127.5,
    -128.5,
    254.5,
    255.5,
    -0.5,
    2_049.0,
    65_504.0,
    65_519.99,
    65_520.0,
    -70_000.0,
    6.1e-5,
    6.0e-5,
    2.98e-8,
    -8.9e-8,
    1.0e-40,
    -1.0e-38,
    3.0e38,
    0.999_999_94,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    2_051.0,
];

/// `zero` is 0, and only the caller knows. Answers 0 when everything is right.
pub fn self_test(zero: u32) -> u32 {
    let values = VALUES.map(|value| f32::from_bits(value.to_bits().wrapping_add(zero)));
    let mut wrong = 0;
    if !is_dot_right(zero) {
        wrong |= WRONG_DOT;
    }
    if !are_floats_right(&values) {
        wrong |= WRONG_FLOATS;
    }
    if !are_stores_right(&values) {
        wrong |= WRONG_STORES;
    }
    if !are_doubles_right(&values) {
        wrong |= WRONG_DOUBLES;
    }
    wrong
}

/// Weights of all sizes, the least among them, with activations from 0 to 127, both ends among them.
fn is_dot_right(zero: u32) -> bool {
    const COLUMNS: usize = 83;
    let mut weights = [0i8; 2 * COLUMNS];
    let mut activations = [0u8; COLUMNS];
    let mut state = 0x9e37_79b9u32.wrapping_add(zero);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    for round in 0..8 {
        for weight in &mut weights {
            *weight = if round == 0 { -128 } else { (next() >> 24) as i8 };
        }
        for activation in &mut activations {
            *activation = if round < 2 { 127 } else { (next() >> 25) as u8 };
        }
        // SAFETY: two rows of weights and one of activations are there.
        let sums = unsafe { sums_of::<2>(weights.as_ptr(), activations.as_ptr(), COLUMNS) };
        for (row, sum) in weights.chunks_exact(COLUMNS).zip(sums) {
            let products = row.iter().zip(&activations).map(|(w, a)| i32::from(*w) * i32::from(*a));
            if products.sum::<i32>() != sum {
                return false;
            }
        }
    }
    true
}

fn four_at(values: &[f32; 32], at: usize) -> [f32; 4] {
    [0, 1, 2, 3].map(|lane| values[(at + lane) % values.len()])
}

fn lanes(value: v128) -> [f32; 4] {
    let mut four = [0.0; 4];
    // SAFETY: four floats lie there.
    unsafe { Four::store(four.as_mut_ptr(), value) };
    four
}

fn vector(four: &[f32; 4]) -> v128 {
    // SAFETY: four floats lie there.
    unsafe { Four::load(four.as_ptr()) }
}

/// NaN has many bits; that one came out is what counts.
fn is_same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

type OfVectors = fn(v128, v128) -> v128;
type OfNumbers = fn(f32, f32) -> f32;

fn are_floats_right(values: &[f32; 32]) -> bool {
    let pairs: [(OfVectors, OfNumbers); 11] = [
        (Four::add, One::add),
        (Four::sub, One::sub),
        (Four::mul, One::mul),
        (Four::div, One::div),
        (Four::min, One::min),
        (Four::max, One::max),
        (Four::zero_nan, One::zero_nan),
        (|a, b| Four::lerp(a, b, Four::set(0.3)), |a, b| One::lerp(a, b, 0.3)),
        (|a, _| soft_margin::<Four>(a), |a, _| soft_margin::<One>(a)),
        (|a, _| natural_log::<Four>(a), |a, _| natural_log::<One>(a)),
        (|a, _| Four::reverse(Four::sqrt(Four::reverse(a))), |a, _| One::sqrt(a)),
    ];
    (0..values.len() * values.len()).all(|at| {
        let (a, b) = (four_at(values, at / values.len()), four_at(values, at % values.len()));
        pairs.iter().all(|(of_vectors, of_numbers)| {
            let found = lanes(of_vectors(vector(&a), vector(&b)));
            (0..4).all(|lane| is_same(found[lane], of_numbers(a[lane], b[lane])))
        }) && Four::above(vector(&a), vector(&b)) == (0..4).map(|lane| One::above(a[lane], b[lane]) << lane).sum()
    })
}

fn are_stores_right(values: &[f32; 32]) -> bool {
    (0..values.len()).all(|at| {
        let four = four_at(values, at);
        let all = vector(&four);
        let mut halves = [[0u16; 4]; 2];
        let mut bytes = [[0u8; 4]; 2];
        let mut signed = [[0i8; 4]; 2];
        let mut above = [[0u8; 4]; 2];
        // SAFETY: there is room for four of each.
        unsafe {
            Four::store_half(halves[0].as_mut_ptr(), all);
            Four::store_u8(bytes[0].as_mut_ptr(), all);
            Four::store_i8(signed[0].as_mut_ptr(), all);
            Four::store_above_zero(above[0].as_mut_ptr(), all);
            for (lane, value) in four.iter().enumerate() {
                One::store_half(halves[1].as_mut_ptr().add(lane), *value);
                One::store_u8(bytes[1].as_mut_ptr().add(lane), *value);
                One::store_i8(signed[1].as_mut_ptr().add(lane), *value);
                One::store_above_zero(above[1].as_mut_ptr().add(lane), *value);
            }
        }
        let within = four.map(|value| One::min(One::max(value, 0.0), 1.0));
        let steps = within.iter().map(|value| One::steps_above_zero(*value)).sum::<u32>();
        let is_bits_right = (0..4).all(|lane| (Four::above_zero(all) >> lane) & 1 == One::above_zero(four[lane]));
        halves[0] == halves[1]
            && bytes[0] == bytes[1]
            && signed[0] == signed[1]
            && above[0] == above[1]
            && is_bits_right
            && Four::steps_above_zero(vector(&within)) == steps
    })
}

fn are_doubles_right(values: &[f32; 32]) -> bool {
    let mut sum = Sum::zero();
    let mut singles = [0.0f64; 8];
    let factor = f64::from(values[8]);
    // Up to the largest finite ones: past them everything is infinite.
    for eight in values[..16].as_chunks::<8>().0 {
        let before = [eight[7], eight[0], eight[1], eight[2], eight[3], eight[4], eight[5], eight[6]];
        sum.add_products(eight, &before);
        sum.add_squares(eight, &before, factor);
        for lane in 0..8 {
            singles[lane] += f64::from(eight[lane]) * f64::from(before[lane]);
            let difference = f64::from(eight[lane]) - factor * f64::from(before[lane]);
            singles[lane] += difference * difference;
        }
    }
    let [a, b, c, d, e, f, g, h] = singles;
    (a + e) + (c + g) + ((b + f) + (d + h)) == sum.total()
}
