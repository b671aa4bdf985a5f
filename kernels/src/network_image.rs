// Owns the network ops over images whose channels lie side by side: conv2d, depthwise windows and pools. Knows no word.
// Invariant: a window is read where it lies; what lies around the image counts as zeros in conv2d, and is left out of the others.

use crate::lanes::{Four, Lanes, One};
use crate::network::{Activation, PACKED_COLUMNS, activate, add_products, begin, end, lanes_of};

/// Windows over an image.
pub struct Windows {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub kernel_height: usize,
    pub kernel_width: usize,
    pub stride_y: usize,
    pub stride_x: usize,
    pub pad_top: usize,
    pub pad_left: usize,
    pub out_height: usize,
    pub out_width: usize,
}

impl Windows {
    pub fn count(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Where the pixel of a tap of a window lies, in floats; None for padding.
    #[inline(always)]
    fn pixel(&self, window: [usize; 2], tap: [usize; 2]) -> Option<usize> {
        let row = (window[0] * self.stride_y + tap[0]).checked_sub(self.pad_top)?;
        let column = (window[1] * self.stride_x + tap[1]).checked_sub(self.pad_left)?;
        (row < self.height && column < self.width).then(|| (row * self.width + column) * self.channels)
    }

    /// Every tap, and its number.
    #[inline(always)]
    fn each_tap(&self, mut visit: impl FnMut([usize; 2], usize)) {
        for y in 0..self.kernel_height {
            for x in 0..self.kernel_width {
                visit([y, x], y * self.kernel_width + x);
            }
        }
    }

    /// Every window, and where its channels lie in what is written.
    #[inline(always)]
    fn each_window(&self, mut visit: impl FnMut([usize; 2], usize)) {
        for y in 0..self.out_height {
            for x in 0..self.out_width {
                visit([y, x], (y * self.out_width + x) * self.channels);
            }
        }
    }
}

/// Each window times a packed matrix, tap by tap, plus a bias, activated.
pub struct Conv2d {
    pub windows: Windows,
    pub input: *const f32,
    pub output: *mut f32,
    /// Packed as in `Affine`; a column's weights lie tap by tap, channel by channel.
    pub packed: *const f32,
    pub bias: *const f32,
    pub columns: usize,
    pub activation: Activation,
}

/// A kernel for each channel: the weights of each tap, the channels side by side.
pub struct Depthwise {
    pub windows: Windows,
    pub input: *const f32,
    pub output: *mut f32,
    pub weights: *const f32,
    pub bias: *const f32,
    pub activation: Activation,
}

/// The largest number of each channel, or the mean of those inside.
pub struct Pool {
    pub windows: Windows,
    pub input: *const f32,
    pub output: *mut f32,
    pub is_mean: bool,
}

/// What lies around an image, read again and again.
static ZERO: f32 = 0.0;

#[inline(never)]
unsafe fn conv2d_pixels<const PIXELS: usize>(call: &Conv2d, first: usize) {
    let windows = &call.windows;
    let places: [[usize; 2]; PIXELS] =
        core::array::from_fn(|p| [(first + p) / windows.out_width, (first + p) % windows.out_width]);
    let depth = windows.kernel_height * windows.kernel_width * windows.channels;
    for block in 0..call.columns.div_ceil(PACKED_COLUMNS) {
        let column = block * PACKED_COLUMNS;
        unsafe {
            let packed = call.packed.add(column * depth);
            let mut sums = begin::<PIXELS, 1>(call.bias.add(column));
            windows.each_tap(|tap, number| {
                let rows = places.map(|place| match windows.pixel(place, tap) {
                    Some(pixel) => (call.input.add(pixel), 1),
                    None => (&raw const ZERO, 0),
                });
                let weights = packed.add(number * windows.channels * PACKED_COLUMNS);
                add_products(&mut sums, rows, weights, 0, windows.channels);
            });
            let output = call.output.add(first * call.columns + column);
            end(&sums, output, call.columns, call.columns - column);
        }
    }
}

/// SAFETY of all: the call's memory is there, and its output overlaps nothing.
pub unsafe fn conv2d(call: &Conv2d) {
    let pixels = call.windows.count();
    let pairs = pixels - pixels % 2;
    unsafe {
        for pixel in (0..pairs).step_by(2) {
            conv2d_pixels::<2>(call, pixel);
        }
        if pairs < pixels {
            conv2d_pixels::<1>(call, pairs);
        }
        activate(call.output, pixels * call.columns, call.activation);
    }
}

#[inline(always)]
unsafe fn depthwise_at<L: Lanes>(call: &Depthwise, window: [usize; 2], output: *mut f32, channel: usize) {
    unsafe {
        let mut sum = L::load(call.bias.add(channel));
        call.windows.each_tap(|tap, number| {
            let Some(pixel) = call.windows.pixel(window, tap) else { return };
            let weight = L::load(call.weights.add(number * call.windows.channels + channel));
            sum = L::add(sum, L::mul(L::load(call.input.add(pixel + channel)), weight));
        });
        L::store(output.add(channel), sum);
    }
}

pub unsafe fn depthwise(call: &Depthwise) {
    let channels = call.windows.channels;
    unsafe {
        call.windows.each_window(|window, at| {
            let output = call.output.add(at);
            lanes_of(
                channels,
                |channel| depthwise_at::<Four>(call, window, output, channel),
                |channel| depthwise_at::<One>(call, window, output, channel),
            );
        });
        activate(call.output, call.windows.count() * channels, call.activation);
    }
}

#[inline(always)]
unsafe fn pool_at<L: Lanes>(call: &Pool, window: [usize; 2], output: *mut f32, channel: usize) {
    let mut count = 0.0;
    let mut found = L::set(if call.is_mean { 0.0 } else { f32::NEG_INFINITY });
    call.windows.each_tap(|tap, _| {
        let Some(pixel) = call.windows.pixel(window, tap) else { return };
        count += 1.0;
        let value = unsafe { L::load(call.input.add(pixel + channel)) };
        found = if call.is_mean { L::add(found, value) } else { L::max(found, value) };
    });
    let pooled = if call.is_mean { L::div(found, L::set(count)) } else { found };
    unsafe { L::store(output.add(channel), pooled) }
}

pub unsafe fn pool(call: &Pool) {
    call.windows.each_window(|window, at| unsafe {
        let output = call.output.add(at);
        lanes_of(
            call.windows.channels,
            |channel| pool_at::<Four>(call, window, output, channel),
            |channel| pool_at::<One>(call, window, output, channel),
        );
    });
}
