// Owns the steps of a program that are no work for lanes: strided copies, means, logarithms and roots, softmax, layer normalisation.
// Knows no word.

use core::arch::wasm32::*;

use crate::lanes::{Lanes, One};

/// A walk over rows and columns on two sides, in floats; steps may be negative.
pub struct Move {
    pub input: *const f32,
    pub output: *mut f32,
    pub rows: usize,
    pub columns: usize,
    pub row_step: isize,
    pub column_step: isize,
    pub output_row_step: isize,
    pub output_column_step: isize,
}

/// SAFETY of all: the call's memory is there; what is written overlaps nothing else of the call.
pub unsafe fn move_rows(call: &Move) {
    for row in 0..call.rows as isize {
        for column in 0..call.columns as isize {
            unsafe {
                let from = call.input.offset(row * call.row_step + column * call.column_step);
                *call.output.offset(row * call.output_row_step + column * call.output_column_step) = *from;
            }
        }
    }
}

/// Rows of `columns` floats, each `stride` after the one before.
pub struct Rows {
    pub input: *const f32,
    pub output: *mut f32,
    pub rows: usize,
    pub columns: usize,
    pub stride: usize,
}

pub unsafe fn mean_of_rows(call: &Rows) {
    for column in 0..call.columns {
        let mut sum = 0.0;
        for row in 0..call.rows {
            sum += unsafe { *call.input.add(row * call.stride + column) };
        }
        unsafe { *call.output.add(column) = sum / call.rows as f32 };
    }
}

/// Functions of one number that few steps need.
#[derive(Clone, Copy)]
pub enum Function {
    Logarithm,
    Root,
}

/// 1 / (2k + 1) from k = 6 on.
const LOG_TERMS: [f64; 7] = [1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0];
/// Bits of the root of one half.
const HALF_ROOT_BITS: i64 = core::f64::consts::FRAC_1_SQRT_2.to_bits() as i64;
const FRACTION_BITS: u32 = 52;

/// ln of a float32: a multiple of ln 2, and a series in (rest - 1) / (rest + 1), whose error is below 2^-36 of the result.
fn logarithm(value: f32) -> f32 {
    if value == 0.0 {
        return f32::NEG_INFINITY;
    }
    if value < 0.0 {
        return f32::NAN;
    }
    if !value.is_finite() {
        return value;
    }
    // In float64 no float32 is subnormal.
    let bits = f64::from(value).to_bits() as i64;
    let power = (bits - HALF_ROOT_BITS) >> FRACTION_BITS;
    let rest = f64::from_bits((bits - (power << FRACTION_BITS)) as u64);
    let quotient = (rest - 1.0) / (rest + 1.0);
    let series = LOG_TERMS.iter().fold(0.0, |sum, term| sum * (quotient * quotient) + term);
    (power as f64 * core::f64::consts::LN_2 + 2.0 * quotient * series) as f32
}

/// What is no number stays none.
pub unsafe fn elementary(input: *const f32, output: *mut f32, count: usize, function: Function) {
    for at in 0..count {
        unsafe {
            let value = *input.add(at);
            *output.add(at) = match function {
                Function::Logarithm => logarithm(value),
                Function::Root => One::sqrt(value),
            };
        }
    }
}

/// 1 / k! from k = 9 on.
const EXP_TERMS: [f64; 10] =
    [1.0 / 362_880.0, 1.0 / 40_320.0, 1.0 / 5_040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
/// Below this float32 has nothing but 0.
const EXP_LEAST: f64 = -120.0;

/// e to a number not above 0, NaN for NaN: a power of two times a series around 0, whose error is below 2^-36 of the result.
fn exponential(value: f64) -> f64 {
    if value < EXP_LEAST {
        return 0.0;
    }
    // NaN gives 0 here, and stays in what is left.
    let power = (value * core::f64::consts::LOG2_E - 0.5) as i32;
    let rest = value - f64::from(power) * core::f64::consts::LN_2;
    let series = EXP_TERMS.iter().fold(0.0, |sum, term| sum * rest + term);
    series * f64::from_bits(((1023 + i64::from(power)) as u64) << 52)
}

/// Each row's shares; a row that holds NaN becomes NaN. In place if the output is the input.
pub unsafe fn softmax_rows(call: &Rows) {
    for row in 0..call.rows {
        unsafe {
            let input = call.input.add(row * call.stride);
            let output = call.output.add(row * call.stride);
            let mut largest = f32::NEG_INFINITY;
            for at in 0..call.columns {
                largest = One::max(*input.add(at), largest);
            }
            let mut sum = 0.0;
            for at in 0..call.columns {
                sum += exponential(f64::from(*input.add(at)) - f64::from(largest));
            }
            for at in 0..call.columns {
                let share = exponential(f64::from(*input.add(at)) - f64::from(largest)) / sum;
                *output.add(at) = share as f32;
            }
        }
    }
}

fn root(value: f64) -> f64 {
    // `core` has no root of its own.
    f64x2_extract_lane::<0>(f64x2_sqrt(f64x2_splat(value)))
}

/// Each row to mean 0 and variance 1, times factors, plus a bias.
///
/// SAFETY: besides, `columns` factors and as many biases lie there.
pub unsafe fn normalise_rows(call: &Rows, factors: *const f32, bias: *const f32, epsilon: f32) {
    let columns = call.columns as f64;
    for row in 0..call.rows {
        unsafe {
            let input = call.input.add(row * call.stride);
            let output = call.output.add(row * call.stride);
            let mut sum = 0.0;
            for at in 0..call.columns {
                sum += f64::from(*input.add(at));
            }
            let average = sum / columns;
            let mut squares = 0.0;
            for at in 0..call.columns {
                let distance = f64::from(*input.add(at)) - average;
                squares += distance * distance;
            }
            let factor = 1.0 / root(squares / columns + f64::from(epsilon));
            for at in 0..call.columns {
                let scaled = (f64::from(*input.add(at)) - average) * factor * f64::from(*factors.add(at));
                *output.add(at) = (scaled + f64::from(*bias.add(at))) as f32;
            }
        }
    }
}
