// Owns the steps of a program that work on bytes: floats to bytes, and bytes times a packed matrix of signed bytes.
// Knows no word. Invariant: sums are whole numbers and exact, for every byte; scale and bias round once each.

use core::arch::wasm32::*;

use crate::lanes::{Four, Lanes, One};
use crate::network::{Activation, PACKED_COLUMNS, activate, store_block};

/// Windows of bytes times a matrix: `stride` in bytes.
pub struct Affine8 {
    pub input: *const u8,
    pub output: *mut f32,
    /// Blocks of PACKED_COLUMNS columns; in each, four weights of every column for four bytes of input, filled up with zeros.
    pub packed: *const i8,
    pub scales: *const f32,
    pub bias: *const f32,
    /// What the zero point adds to each column's sum.
    pub offsets: *const i32,
    pub rows: usize,
    pub stride: usize,
    pub depth: usize,
    pub columns: usize,
    pub output_stride: usize,
    pub activation: Activation,
}

/// Pairs of columns in a block: each has its sums of the first and of the last two of four products in one vector.
const PAIRS: usize = PACKED_COLUMNS / 2;

/// One block's sums in the order of its columns.
///
/// SAFETY: `groups` times four bytes and as many blocks of weights lie there.
#[inline(always)]
unsafe fn sums_of(input: *const u8, packed: *const i8, groups: usize) -> [v128; 4] {
    let mut halves = [i32x4_splat(0); PAIRS];
    for group in 0..groups {
        unsafe {
            let four = u16x8_extend_low_u8x16(v128_load32_splat(input.add(4 * group).cast()));
            let weights = packed.add(group * 4 * PACKED_COLUMNS);
            for pair in 0..PAIRS {
                let products = i32x4_dot_i16x8(i16x8_load_extend_i8x8(weights.add(8 * pair)), four);
                halves[pair] = i32x4_add(halves[pair], products);
            }
        }
    }
    [0, 2, 4, 6].map(|pair| {
        let (a, b) = (halves[pair], halves[pair + 1]);
        i32x4_add(i32x4_shuffle::<0, 2, 4, 6>(a, b), i32x4_shuffle::<1, 3, 5, 7>(a, b))
    })
}

/// SAFETY: the call's memory is there, and its output overlaps nothing.
pub unsafe fn affine8(call: &Affine8) {
    let groups = call.depth.div_ceil(4);
    for row in 0..call.rows {
        for block in 0..call.columns.div_ceil(PACKED_COLUMNS) {
            let first = block * PACKED_COLUMNS;
            unsafe {
                let packed = call.packed.add(4 * first * groups);
                let sums = sums_of(call.input.add(row * call.stride), packed, groups);
                let scaled = [0, 1, 2, 3].map(|v| {
                    let at = first + v * Four::WIDTH;
                    let offset = v128_load(call.offsets.add(at).cast());
                    let whole = f32x4_convert_i32x4(i32x4_sub(sums[v], offset));
                    Four::add(Four::mul(whole, Four::load(call.scales.add(at))), Four::load(call.bias.add(at)))
                });
                let output = call.output.add(row * call.output_stride + first);
                store_block(&scaled, output, call.columns - first);
            }
        }
        unsafe { activate(call.output.add(row * call.output_stride), call.columns, call.activation) }
    }
}

/// `inverse` times each number plus `zero_point`, rounded to even, cut off at 0 and 255; NaN becomes 255.
///
/// SAFETY: `count` floats lie there, and room for as many bytes.
pub unsafe fn quantise(input: *const f32, output: *mut u8, count: usize, inverse: f32, zero_point: f32) {
    #[inline(always)]
    unsafe fn write<L: Lanes>(input: *const f32, output: *mut u8, inverse: f32, zero_point: f32) {
        unsafe { L::store_u8(output, L::add(L::mul(L::load(input), L::set(inverse)), L::set(zero_point))) }
    }
    let whole = count - count % Four::WIDTH;
    unsafe {
        for at in (0..whole).step_by(Four::WIDTH) {
            write::<Four>(input.add(at), output.add(at), inverse, zero_point);
        }
        for at in whole..count {
            write::<One>(input.add(at), output.add(at), inverse, zero_point);
        }
    }
}
