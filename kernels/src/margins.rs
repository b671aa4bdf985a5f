// Owns the margins op: two-class scores to softmax margins and their totals.
// Invariant: each step rounds to float32 in the order runtime/ops/reference/margins.ts has, with the numbers of soft-margin.ts.

use crate::lanes::{Four, Lanes, One};

pub const LIMIT: f32 = 7.998811721801758;
pub const OVER: [f32; 7] = [
    -2.76076847742355e-16,
    2.00018790482477e-13,
    -8.60467152213735e-11,
    5.12229709037114e-8,
    1.48572235717979e-5,
    6.37261928875436e-4,
    4.89352455891786e-3,
];
pub const UNDER: [f32; 4] = [1.19825839466702e-6, 1.18534705686654e-4, 2.268434632439e-3, 4.89352518554385e-3];

/// tanh(difference / 2), before NaN is taken out.
#[inline(always)]
pub fn soft_margin<L: Lanes>(difference: L::F) -> L::F {
    let half = L::mul(difference, L::set(0.5));
    let y = L::max(L::min(half, L::set(LIMIT)), L::set(-LIMIT));
    let square = L::mul(y, y);
    let mut over = L::set(OVER[0]);
    for power in &OVER[1..] {
        over = L::add(L::mul(over, square), L::set(*power));
    }
    let mut under = L::set(UNDER[0]);
    for power in &UNDER[1..] {
        under = L::add(L::mul(under, square), L::set(*power));
    }
    L::div(L::mul(y, over), under)
}

#[derive(Default)]
struct Totals {
    claimed: u32,
    steps: u64,
}

/// SAFETY: WIDTH scores of both classes lie at `at`, and room for as many margins.
#[inline(always)]
unsafe fn write<L: Lanes, const IS_LOGITS: bool>(call: &Call, at: usize, totals: &mut Totals) {
    unsafe {
        let difference = L::sub(L::load(call.scores.add(call.pixels + at)), L::load(call.scores.add(at)));
        let raw = if IS_LOGITS { soft_margin::<L>(difference) } else { difference };
        let within = L::max(L::min(raw, L::set(1.0)), L::set(-1.0));
        // Adding 0 turns -0 into 0.
        let margin = L::add(L::zero_nan(within, difference), L::set(0.0));
        L::store(call.margins.add(at), margin);
        totals.claimed += L::above_zero(margin).count_ones();
        totals.steps += u64::from(L::steps_above_zero(margin));
    }
}

/// 2 x pixels scores, room for pixels margins and for two totals.
pub struct Call {
    pub scores: *const f32,
    pub pixels: usize,
    pub margins: *mut f32,
    pub totals: *mut f64,
}

/// SAFETY: the call's memory is there, and nothing of it overlaps.
pub unsafe fn margins(call: &Call, is_logits: bool) {
    unsafe { if is_logits { margins_of::<true>(call) } else { margins_of::<false>(call) } }
}

unsafe fn margins_of<const IS_LOGITS: bool>(call: &Call) {
    let mut totals = Totals::default();
    let whole = call.pixels - call.pixels % Four::WIDTH;
    unsafe {
        for at in (0..whole).step_by(Four::WIDTH) {
            write::<Four, IS_LOGITS>(call, at, &mut totals);
        }
        for at in whole..call.pixels {
            write::<One, IS_LOGITS>(call, at, &mut totals);
        }
        call.totals.write_unaligned(f64::from(totals.claimed));
        call.totals.add(1).write_unaligned(totals.steps as f64 / 16_777_216.0);
    }
}
