// Owns the gain op over lanes.
// Invariant: each step rounds to float32 in the order runtime/ops/reference/gain.ts has.

use crate::lanes::{Four, Lanes, One};

/// Answers how many lanes were held at the limit.
#[inline(always)]
unsafe fn write<L: Lanes>(samples: *const f32, out: *mut f32, by: f32, limit: f32) -> u32 {
    unsafe {
        let product = L::mul(L::load(samples), L::set(by));
        let (most, least) = (L::set(limit), L::set(-limit));
        L::store(out, L::zero_nan(L::max(L::min(product, most), least), product));
        (L::above(product, most) | L::above(least, product)).count_ones()
    }
}

/// Writes `count` samples and answers how many were held at the limit.
///
/// SAFETY: `count` samples lie there, and room for as many.
pub unsafe fn gain(samples: *const f32, count: usize, out: *mut f32, by: f32, limit: f32) -> u32 {
    let whole = count - count % Four::WIDTH;
    let mut held = 0;
    unsafe {
        for at in (0..whole).step_by(Four::WIDTH) {
            held += write::<Four>(samples.add(at), out.add(at), by, limit);
        }
        for at in whole..count {
            held += write::<One>(samples.add(at), out.add(at), by, limit);
        }
    }
    held
}
