// Owns the two widths every float op runs in: four lanes of simd128, and one lane for what is left over. Knows no op.
// Invariant: both give the same bits, as each step rounds once; nothing here is contracted or relaxed.

use core::arch::wasm32::*;

/// Adding 1.5 x 2^23 leaves no room for a fraction: the low bits hold the nearest whole number, ties to even, below 2^22.
const ROUNDING: f32 = 12_582_912.0;
const STEPS: f32 = 16_777_216.0;

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
    /// 0 where `tested` is NaN.
    fn zero_nan(value: Self::F, tested: Self::F) -> Self::F;
    /// One bit for each lane above 0, lane 0 lowest.
    fn above_zero(value: Self::F) -> u32;
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
    fn zero_nan(value: f32, tested: f32) -> f32 {
        if tested.is_nan() { 0.0 } else { value }
    }
    #[inline(always)]
    fn above_zero(value: f32) -> u32 {
        u32::from(value > 0.0)
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

/// 65520 lies halfway between the largest half and the next power of two, and rounds away.
const HALF_INFINITE: u32 = 0x477f_f000;
/// The smallest normal half.
const HALF_NORMAL: u32 = 0x3880_0000;
const HALF_REBIAS: u32 = 0x3800_0000;
/// The bits of 0.5.
const HALF_ONE_HALF: u32 = 0x3f00_0000;

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
    fn zero_nan(value: v128, tested: v128) -> v128 {
        v128_and(value, f32x4_eq(tested, tested))
    }
    #[inline(always)]
    fn above_zero(value: v128) -> u32 {
        u32::from(i32x4_bitmask(f32x4_gt(value, f32x4_splat(0.0))))
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
