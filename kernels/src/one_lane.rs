// Owns one lane: what finishes the positions that fours leave over, and what vectors are compared with. Knows no op.
// Invariant: the bits of each step are those of the vectors in lanes.rs.

use core::arch::wasm32::*;

use crate::lanes::*;

/// One lane.
pub struct One;

impl Lanes for One {
    const WIDTH: usize = 1;
    type F = f32;
    type I = i32;

    #[inline(always)]
    fn set(value: f32) -> f32 {
        value
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> f32 {
        unsafe { from.read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: f32) {
        unsafe { to.write_unaligned(value) }
    }
    #[inline(always)]
    fn add(a: f32, b: f32) -> f32 {
        a + b
    }
    #[inline(always)]
    fn sub(a: f32, b: f32) -> f32 {
        a - b
    }
    #[inline(always)]
    fn mul(a: f32, b: f32) -> f32 {
        a * b
    }
    #[inline(always)]
    fn div(a: f32, b: f32) -> f32 {
        a / b
    }
    #[inline(always)]
    fn min(a: f32, b: f32) -> f32 {
        if a < b { a } else { b }
    }
    #[inline(always)]
    fn max(a: f32, b: f32) -> f32 {
        if a > b { a } else { b }
    }
    #[inline(always)]
    fn at_least(a: f32, b: f32) -> f32 {
        if a >= b { 1.0 } else { 0.0 }
    }
    #[inline(always)]
    fn zero_nan(value: f32, tested: f32) -> f32 {
        if tested.is_nan() { 0.0 } else { value }
    }
    #[inline(always)]
    fn above_zero(value: f32) -> u32 {
        u32::from(value > 0.0)
    }
    #[inline(always)]
    fn above(a: f32, b: f32) -> u32 {
        u32::from(a > b)
    }
    #[inline(always)]
    fn sqrt(value: f32) -> f32 {
        // `core` has no root of its own.
        f32x4_extract_lane::<0>(f32x4_sqrt(f32x4_splat(value)))
    }
    #[inline(always)]
    fn reverse(value: f32) -> f32 {
        value
    }
    #[inline(always)]
    unsafe fn unzip(from: *const f32) -> (f32, f32) {
        unsafe { (*from, *from.add(1)) }
    }
    #[inline(always)]
    unsafe fn store_columns(to: *mut f32, rows: &[f32; 8]) {
        unsafe { to.cast::<[f32; 8]>().write(*rows) }
    }
    #[inline(always)]
    fn split(value: f32) -> (f32, f32) {
        let bits = value.to_bits();
        let power = (bits.wrapping_sub(HALF_ROOT_BITS) as i32) >> 23;
        (power as f32, f32::from_bits(bits.wrapping_sub((power << 23) as u32)))
    }
    #[inline(always)]
    unsafe fn store_above_zero(to: *mut u8, value: f32) {
        unsafe { *to = if value > 0.0 { 255 } else { 0 } }
    }
    #[inline(always)]
    fn steps_above_zero(value: f32) -> u32 {
        if value > 0.0 { (value * STEPS) as u32 } else { 0 }
    }

    #[inline(always)]
    unsafe fn gather(from: *const f32, offsets: *const i32) -> f32 {
        unsafe { from.add(*offsets as usize).read_unaligned() }
    }
    #[inline(always)]
    unsafe fn gather_bytes(from: *const u8, offsets: *const i32) -> f32 {
        unsafe { f32::from(*from.add(*offsets as usize)) }
    }
    #[inline(always)]
    unsafe fn gather_pixels<const BYTES: usize>(from: *const u8, offsets: *const i32) -> i32 {
        unsafe {
            let at = from.add(*offsets as usize);
            let pair = i32::from(*at) | (i32::from(*at.add(1)) << 8);
            if BYTES == 2 { pair } else { pair | (i32::from(*at.add(2)) << 16) }
        }
    }
    #[inline(always)]
    fn byte_of<const BYTE: u32>(pixels: i32) -> f32 {
        ((pixels >> (8 * BYTE)) & 0xff) as f32
    }

    #[inline(always)]
    unsafe fn store_half(to: *mut u16, value: f32) {
        unsafe { to.write_unaligned(half_from(value)) }
    }
    #[inline(always)]
    unsafe fn store_u8(to: *mut u8, value: f32) {
        unsafe { *to = whole_of(Self::max(Self::min(value, 255.0), 0.0)) as u8 }
    }
    #[inline(always)]
    unsafe fn store_i8(to: *mut i8, value: f32) {
        unsafe { *to = whole_of(Self::max(Self::min(value, 127.0), -128.0)) as i8 }
    }
}

fn whole_of(value: f32) -> i32 {
    (value + ROUNDING).to_bits() as i32 - ROUNDING.to_bits() as i32
}

/// The nearest half, ties to even, of a float that is not NaN.
fn half_from(value: f32) -> u16 {
    let sign = (value.to_bits() >> 16) & 0x8000;
    let size = value.to_bits() & 0x7fff_ffff;
    let half = if size >= HALF_INFINITE {
        0x7c00
    } else if size < HALF_NORMAL {
        // Adding a half aligns the fraction to steps of 2^-24 and rounds it.
        (f32::from_bits(size) + 0.5).to_bits() - HALF_ONE_HALF
    } else {
        (size - HALF_REBIAS + 0xfff + ((size >> 13) & 1)) >> 13
    };
    (sign | half) as u16
}
