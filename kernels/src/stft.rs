// Owns the stft op over lanes, and the frames that log-mel shares with it.
// Invariant: each step rounds to float32 in the order runtime/ops/reference/stft.ts has.

use crate::fourier::{take_apart, transform};
use crate::lanes::{Four, Lanes, One};
use crate::spectrum_plan::{Edges, Plan};
use crate::sum::Eight;

/// Float32 or int16.
pub trait Sample: Copy {
    fn float(self) -> f32;
}

impl Sample for f32 {
    #[inline(always)]
    fn float(self) -> f32 {
        self
    }
}

impl Sample for i16 {
    #[inline(always)]
    fn float(self) -> f32 {
        f32::from(self)
    }
}

/// Outside the samples: mirrored at the nearer end, or 0.
unsafe fn sample_at<S: Sample>(plan: &Plan, samples: *const S, at: i32) -> f32 {
    let last = plan.samples - 1;
    let inside = match at {
        _ if at >= 0 && at <= last => at,
        _ if plan.edges != Edges::Reflect => return 0.0,
        _ if at < 0 => -at,
        _ => 2 * last - at,
    };
    unsafe { (*samples.add(inside as usize)).float() }
}

unsafe fn take_frame<S: Sample>(plan: &Plan, samples: *const S, start: i32) {
    let count = plan.frame_samples;
    let is_inside = start >= 0 && start + count as i32 <= plan.samples;
    for at in 0..count {
        unsafe {
            let sample = if is_inside {
                (*samples.add(start as usize + at)).float()
            } else {
                sample_at(plan, samples, start + at as i32)
            };
            *plan.frame.add(at) = plan.scale * sample;
        }
    }
}

#[inline(always)]
unsafe fn window_at<L: Lanes>(plan: &Plan, at: usize) {
    unsafe {
        let before = L::mul(L::set(plan.pre_emphasis), L::load(plan.frame.add(at).sub(1)));
        let sample = L::sub(L::load(plan.frame.add(at)), before);
        L::store(plan.signal.add(at), L::mul(sample, L::load(plan.window.add(at))));
    }
}

/// Fills the signal that is transformed: scaled, levelled, emphasised, windowed.
///
/// SAFETY: the plan's samples lie there, as floats or as its integers.
pub unsafe fn prepare_frame(plan: &Plan, samples: *const u8, index: usize) {
    // A plan that was read keeps the last frame's start within 32 bits: it lies among the samples or their mirror.
    let start = (i64::from(plan.start) + index as i64 * i64::from(plan.hop)) as i32;
    let count = plan.frame_samples;
    unsafe {
        if plan.is_integer {
            take_frame(plan, samples.cast::<i16>(), start);
        } else {
            take_frame(plan, samples.cast::<f32>(), start);
        }
        if plan.removes_mean {
            // Behind the samples lie zeros.
            let mut sum = Eight::zero();
            for at in (0..count).step_by(8) {
                sum.add(plan.frame.add(at));
            }
            let mean = sum.total() / count as f32;
            for at in 0..count {
                *plan.frame.add(at) -= mean;
            }
        }
        *plan.frame.sub(1) = *plan.frame;
        let whole = count - count % Four::WIDTH;
        for at in (0..whole).step_by(Four::WIDTH) {
            window_at::<Four>(plan, at);
        }
        for at in whole..count {
            window_at::<One>(plan, at);
        }
    }
}

/// SAFETY: the plan's samples lie there, and room for its frames.
pub unsafe fn stft(plan: &Plan, samples: *const u8, out: *mut f32) {
    for frame in 0..plan.frames {
        unsafe {
            prepare_frame(plan, samples, frame);
            take_apart(plan, transform(plan), out.add(frame * plan.width()));
        }
    }
}
