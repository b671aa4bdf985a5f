// Owns what the float ops need of a width, and four lanes of simd128; one lane, for what is left over, is beside it. Knows no op.
// Invariant: both give the same bits, as each step rounds once; nothing here is contracted or relaxed.

use core::arch::wasm32::*;

pub use crate::one_lane::One;

/// Adding 1.5 x 2^23 leaves no room for a fraction: the low bits hold the nearest whole number, ties to even, below 2^22.
pub const ROUNDING: f32 = 12_582_912.0;
pub const STEPS: f32 = 16_777_216.0;

/// What the float ops need of a width. Pointers are of any alignment.
pub trait Lanes {
    const WIDTH: usize;
    /// Floats.
    type F: Copy;
    /// The first bytes of pixels.
    type I: Copy;

    fn set(value: f32) -> Self::F;
    /// SAFETY of the loads and stores: WIDTH elements lie at the pointer.
    unsafe fn load(from: *const f32) -> Self::F;
    unsafe fn store(to: *mut f32, value: Self::F);
    fn add(a: Self::F, b: Self::F) -> Self::F;
    fn sub(a: Self::F, b: Self::F) -> Self::F;
    fn mul(a: Self::F, b: Self::F) -> Self::F;
    fn div(a: Self::F, b: Self::F) -> Self::F;
    /// The second one where they are equal or either is NaN, as the vector instructions of x86 have it.
    fn min(a: Self::F, b: Self::F) -> Self::F;
    fn max(a: Self::F, b: Self::F) -> Self::F;
    /// 1 where `a` is not below `b`, 0 elsewhere and where either is NaN.
    fn at_least(a: Self::F, b: Self::F) -> Self::F;
    /// 0 where `tested` is NaN.
    fn zero_nan(value: Self::F, tested: Self::F) -> Self::F;
    /// One bit for each lane above 0, lane 0 lowest.
    fn above_zero(value: Self::F) -> u32;
    /// One bit for each lane of `a` above that of `b`, lane 0 lowest.
    fn above(a: Self::F, b: Self::F) -> u32;
    fn sqrt(value: Self::F) -> Self::F;
    /// The last lane first.
    fn reverse(value: Self::F) -> Self::F;
    /// Every second float, and those between them: twice WIDTH lie at the pointer.
    unsafe fn unzip(from: *const f32) -> (Self::F, Self::F);
    /// Lane i of row k goes to 8 i + k.
    unsafe fn store_columns(to: *mut f32, rows: &[Self::F; 8]);
    /// Takes a normal number above 0 apart: a power of two, and what is left, between the roots of one half and of two.
    fn split(value: Self::F) -> (Self::F, Self::F);
    /// 255 for each lane above 0, else 0.
    unsafe fn store_above_zero(to: *mut u8, value: Self::F);
    /// The sum of `value * 2^24`, cut off to whole numbers, over lanes above 0; none is above 1.
    fn steps_above_zero(value: Self::F) -> u32;

    /// SAFETY of the gathers: WIDTH offsets lie at the pointer, and what they lead to may be read.
    unsafe fn gather(from: *const f32, offsets: *const i32) -> Self::F;
    unsafe fn gather_bytes(from: *const u8, offsets: *const i32) -> Self::F;
    /// One lane reads BYTES bytes; four lanes read four bytes each.
    unsafe fn gather_pixels<const BYTES: usize>(from: *const u8, offsets: *const i32) -> Self::I;
    fn byte_of<const BYTE: u32>(pixels: Self::I) -> Self::F;

    unsafe fn store_half(to: *mut u16, value: Self::F);
    unsafe fn store_u8(to: *mut u8, value: Self::F);
    unsafe fn store_i8(to: *mut i8, value: Self::F);

    #[inline(always)]
    fn lerp(first: Self::F, second: Self::F, weight: Self::F) -> Self::F {
        Self::add(first, Self::mul(Self::sub(second, first), weight))
    }
}

/// Bits of the square root of one half.
pub const HALF_ROOT_BITS: u32 = 0x3f35_04f3;

/// 65520 lies halfway between the largest half and the next power of two, and rounds away.
pub const HALF_INFINITE: u32 = 0x477f_f000;
/// The smallest normal half.
pub const HALF_NORMAL: u32 = 0x3880_0000;
pub const HALF_REBIAS: u32 = 0x3800_0000;
/// The bits of 0.5.
pub const HALF_ONE_HALF: u32 = 0x3f00_0000;

/// `pmin(x, y)` is `y < x ? y : x`: with the arguments turned round it is one instruction of x86.
#[cfg(not(target_feature = "relaxed-simd"))]
#[inline(always)]
fn least(a: v128, b: v128) -> v128 {
    f32x4_pmin(b, a)
}
#[cfg(not(target_feature = "relaxed-simd"))]
#[inline(always)]
fn most(a: v128, b: v128) -> v128 {
    f32x4_pmax(b, a)
}

// Where relaxed SIMD is on, the LLVM of Rust 1.95 makes relaxed ones of `pmin` and `pmax`, which answer otherwise at NaN and -0
// on ARM. A selection stays what it is.
#[cfg(target_feature = "relaxed-simd")]
#[inline(always)]
fn least(a: v128, b: v128) -> v128 {
    v128_bitselect(a, b, f32x4_lt(a, b))
}
#[cfg(target_feature = "relaxed-simd")]
#[inline(always)]
fn most(a: v128, b: v128) -> v128 {
    v128_bitselect(a, b, f32x4_gt(a, b))
}

/// Four lanes of simd128.
pub struct Four;

impl Four {
    #[inline(always)]
    unsafe fn words_at(from: *const u8, offsets: *const i32) -> v128 {
        unsafe {
            let at = |lane: usize| from.add(*offsets.add(lane) as usize).cast::<u32>();
            let one = v128_load32_zero(at(0));
            let two = v128_load32_lane::<1>(one, at(1));
            let three = v128_load32_lane::<2>(two, at(2));
            v128_load32_lane::<3>(three, at(3))
        }
    }
    #[inline(always)]
    fn whole_of(value: v128) -> v128 {
        let rounding = f32x4_splat(ROUNDING);
        i32x4_sub(f32x4_add(value, rounding), rounding)
    }
}

impl Lanes for Four {
    const WIDTH: usize = 4;
    type F = v128;
    type I = v128;

    #[inline(always)]
    fn set(value: f32) -> v128 {
        f32x4_splat(value)
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> v128 {
        unsafe { v128_load(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: v128) {
        unsafe { v128_store(to.cast(), value) }
    }
    #[inline(always)]
    fn add(a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }
    #[inline(always)]
    fn sub(a: v128, b: v128) -> v128 {
        f32x4_sub(a, b)
    }
    #[inline(always)]
    fn mul(a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }
    #[inline(always)]
    fn div(a: v128, b: v128) -> v128 {
        f32x4_div(a, b)
    }
    #[inline(always)]
    fn min(a: v128, b: v128) -> v128 {
        least(a, b)
    }
    #[inline(always)]
    fn max(a: v128, b: v128) -> v128 {
        most(a, b)
    }
    #[inline(always)]
    fn at_least(a: v128, b: v128) -> v128 {
        v128_and(f32x4_ge(a, b), f32x4_splat(1.0))
    }
    #[inline(always)]
    fn zero_nan(value: v128, tested: v128) -> v128 {
        v128_and(value, f32x4_eq(tested, tested))
    }
    #[inline(always)]
    fn above_zero(value: v128) -> u32 {
        u32::from(i32x4_bitmask(f32x4_gt(value, f32x4_splat(0.0))))
    }
    #[inline(always)]
    fn above(a: v128, b: v128) -> u32 {
        u32::from(i32x4_bitmask(f32x4_gt(a, b)))
    }
    #[inline(always)]
    fn sqrt(value: v128) -> v128 {
        f32x4_sqrt(value)
    }
    #[inline(always)]
    fn reverse(value: v128) -> v128 {
        i32x4_shuffle::<3, 2, 1, 0>(value, value)
    }
    #[inline(always)]
    unsafe fn unzip(from: *const f32) -> (v128, v128) {
        let (a, b) = unsafe { (Self::load(from), Self::load(from.add(4))) };
        (i32x4_shuffle::<0, 2, 4, 6>(a, b), i32x4_shuffle::<1, 3, 5, 7>(a, b))
    }
    #[inline(always)]
    unsafe fn store_columns(to: *mut f32, rows: &[v128; 8]) {
        for first in [0, 4] {
            let [a, b, c, d] = [rows[first], rows[first + 1], rows[first + 2], rows[first + 3]];
            let (low_ab, high_ab) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
            let (low_cd, high_cd) = (i32x4_shuffle::<0, 4, 1, 5>(c, d), i32x4_shuffle::<2, 6, 3, 7>(c, d));
            unsafe {
                Self::store(to.add(first), i64x2_shuffle::<0, 2>(low_ab, low_cd));
                Self::store(to.add(first + 8), i64x2_shuffle::<1, 3>(low_ab, low_cd));
                Self::store(to.add(first + 16), i64x2_shuffle::<0, 2>(high_ab, high_cd));
                Self::store(to.add(first + 24), i64x2_shuffle::<1, 3>(high_ab, high_cd));
            }
        }
    }
    #[inline(always)]
    fn split(value: v128) -> (v128, v128) {
        let power = i32x4_shr(i32x4_sub(value, u32x4_splat(HALF_ROOT_BITS)), 23);
        (f32x4_convert_i32x4(power), i32x4_sub(value, i32x4_shl(power, 23)))
    }
    #[inline(always)]
    unsafe fn store_above_zero(to: *mut u8, value: v128) {
        let above = f32x4_gt(value, f32x4_splat(0.0));
        let words = i16x8_narrow_i32x4(above, above);
        unsafe { v128_store32_lane::<0>(i8x16_narrow_i16x8(words, words), to.cast()) }
    }
    #[inline(always)]
    fn steps_above_zero(value: v128) -> u32 {
        let claimed = v128_and(value, f32x4_gt(value, f32x4_splat(0.0)));
        let steps = i32x4_trunc_sat_f32x4(f32x4_mul(claimed, f32x4_splat(STEPS)));
        let two = i32x4_add(steps, i32x4_shuffle::<2, 3, 0, 1>(steps, steps));
        (i32x4_extract_lane::<0>(two) + i32x4_extract_lane::<1>(two)) as u32
    }

    #[inline(always)]
    unsafe fn gather(from: *const f32, offsets: *const i32) -> v128 {
        unsafe {
            let at = |lane: usize| from.add(*offsets.add(lane) as usize).cast::<u32>();
            let one = v128_load32_zero(at(0));
            let two = v128_load32_lane::<1>(one, at(1));
            let three = v128_load32_lane::<2>(two, at(2));
            v128_load32_lane::<3>(three, at(3))
        }
    }
    #[inline(always)]
    unsafe fn gather_bytes(from: *const u8, offsets: *const i32) -> v128 {
        unsafe {
            let at = |lane: usize| u32::from(*from.add(*offsets.add(lane) as usize));
            f32x4_convert_i32x4(u32x4(at(0), at(1), at(2), at(3)))
        }
    }
    #[inline(always)]
    unsafe fn gather_pixels<const BYTES: usize>(from: *const u8, offsets: *const i32) -> v128 {
        unsafe { Self::words_at(from, offsets) }
    }
    #[inline(always)]
    fn byte_of<const BYTE: u32>(pixels: v128) -> v128 {
        f32x4_convert_i32x4(v128_and(u32x4_shr(pixels, 8 * BYTE), i32x4_splat(0xff)))
    }

    #[inline(always)]
    unsafe fn store_half(to: *mut u16, value: v128) {
        let sign = v128_and(u32x4_shr(value, 16), i32x4_splat(0x8000));
        let size = v128_and(value, i32x4_splat(0x7fff_ffff));
        let small = i32x4_sub(f32x4_add(size, f32x4_splat(0.5)), u32x4_splat(HALF_ONE_HALF));
        let is_odd = v128_and(u32x4_shr(size, 13), i32x4_splat(1));
        let rebiased = i32x4_add(i32x4_sub(size, u32x4_splat(HALF_REBIAS)), i32x4_splat(0xfff));
        let normal = u32x4_shr(i32x4_add(rebiased, is_odd), 13);
        let finite = v128_bitselect(small, normal, i32x4_lt(size, u32x4_splat(HALF_NORMAL)));
        let is_infinite = i32x4_ge(size, u32x4_splat(HALF_INFINITE));
        let half = v128_or(sign, v128_bitselect(i32x4_splat(0x7c00), finite, is_infinite));
        unsafe { v128_store64_lane::<0>(u16x8_narrow_i32x4(half, half), to.cast()) }
    }
    #[inline(always)]
    unsafe fn store_u8(to: *mut u8, value: v128) {
        let whole = Self::whole_of(Self::max(Self::min(value, f32x4_splat(255.0)), f32x4_splat(0.0)));
        let words = i16x8_narrow_i32x4(whole, whole);
        unsafe { v128_store32_lane::<0>(u8x16_narrow_i16x8(words, words), to.cast()) }
    }
    #[inline(always)]
    unsafe fn store_i8(to: *mut i8, value: v128) {
        let whole = Self::whole_of(Self::max(Self::min(value, f32x4_splat(127.0)), f32x4_splat(-128.0)));
        let words = i16x8_narrow_i32x4(whole, whole);
        unsafe { v128_store32_lane::<0>(i8x16_narrow_i16x8(words, words), to.cast()) }
    }
}
