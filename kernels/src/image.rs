// Owns the image op: rows sampled, turned into RGB, normalised and stored in one pass over the output.
// Invariant: each step rounds to float32 in the order runtime/ops/reference/image.ts has.

use crate::image_plan::{Axis, Chroma, Element, Plan};
use crate::lanes::{Four, Lanes, One};

/// One component's rows and columns, for one output row.
struct Taps<'a> {
    columns: &'a Axis<'a>,
    rows: &'a Axis<'a>,
    source: *const u8,
    /// Where this component begins in the source.
    offset: usize,
    row: usize,
}

impl Taps<'_> {
    #[inline(always)]
    fn row_offset(&self, tap: usize) -> usize {
        self.offset + self.rows.offsets[tap * self.rows.count + self.row] as usize
    }

    #[inline(always)]
    unsafe fn line(&self, tap: usize) -> *const u8 {
        unsafe { self.source.add(self.row_offset(tap)) }
    }

    #[inline(always)]
    unsafe fn column(&self, tap: usize) -> *const i32 {
        unsafe { self.columns.offsets.as_ptr().add(tap * self.columns.count) }
    }

    /// How many positions, from the left, may be read four bytes at a time.
    fn wide(&self, source_bytes: usize) -> usize {
        let row = self.row_offset(self.rows.taps - 1);
        let last = &self.columns.offsets[(self.columns.taps - 1) * self.columns.count..];
        let narrow = last.iter().rev().take_while(|offset| row + **offset as usize + 4 > source_bytes);
        self.columns.count - narrow.count()
    }
}

/// The first BYTES bytes of WIDTH positions from `x` on, between their four neighbours.
#[inline(always)]
unsafe fn bilinear<L: Lanes, const BYTES: usize>(taps: &Taps, x: usize) -> [L::F; 3] {
    unsafe {
        let (first, second) = (taps.column(0).add(x), taps.column(1).add(x));
        let (top, bottom) = (taps.line(0), taps.line(1));
        let across = L::load(taps.columns.weights.as_ptr().add(x));
        let down = L::set(taps.rows.weights[taps.row]);
        let blend = |corners: [L::F; 4]| {
            let [nw, ne, sw, se] = corners;
            L::lerp(L::lerp(nw, ne, across), L::lerp(sw, se, across), down)
        };
        if BYTES == 1 {
            let at = |line, offsets| L::gather_bytes(line, offsets);
            let only = blend([at(top, first), at(top, second), at(bottom, first), at(bottom, second)]);
            return [only; 3];
        }
        let at = |line, offsets| L::gather_pixels::<BYTES>(line, offsets);
        let [nw, ne, sw, se] = [at(top, first), at(top, second), at(bottom, first), at(bottom, second)];
        let zero = blend([L::byte_of::<0>(nw), L::byte_of::<0>(ne), L::byte_of::<0>(sw), L::byte_of::<0>(se)]);
        let one = blend([L::byte_of::<1>(nw), L::byte_of::<1>(ne), L::byte_of::<1>(sw), L::byte_of::<1>(se)]);
        if BYTES == 2 {
            return [zero, one, one];
        }
        [zero, one, blend([L::byte_of::<2>(nw), L::byte_of::<2>(ne), L::byte_of::<2>(sw), L::byte_of::<2>(se)])]
    }
}

/// The first BYTES bytes, each as a sum over everything the position covers.
#[inline(always)]
unsafe fn area<L: Lanes, const BYTES: usize>(taps: &Taps, x: usize) -> [L::F; 3] {
    let mut sums = [L::set(0.0); 3];
    for j in 0..taps.rows.taps {
        let mut across = [L::set(0.0); 3];
        unsafe {
            let line = taps.line(j);
            for i in 0..taps.columns.taps {
                let weight = L::load(taps.columns.weights.as_ptr().add(i * taps.columns.count + x));
                let offsets = taps.column(i).add(x);
                let bytes = if BYTES == 1 {
                    [L::gather_bytes(line, offsets); 3]
                } else {
                    let pixels = L::gather_pixels::<BYTES>(line, offsets);
                    [L::byte_of::<0>(pixels), L::byte_of::<1>(pixels), L::byte_of::<2>(pixels)]
                };
                for byte in 0..BYTES {
                    across[byte] = L::add(across[byte], L::mul(weight, bytes[byte]));
                }
            }
        }
        let weight = L::set(taps.rows.weights[j * taps.rows.count + taps.row]);
        for byte in 0..BYTES {
            sums[byte] = L::add(sums[byte], L::mul(weight, across[byte]));
        }
    }
    sums
}

#[inline(always)]
unsafe fn bytes_at<L: Lanes, const BYTES: usize, const IS_AREA: bool>(taps: &Taps, x: usize) -> [L::F; 3] {
    unsafe { if IS_AREA { area::<L, BYTES>(taps, x) } else { bilinear::<L, BYTES>(taps, x) } }
}

/// Everything one output row is made from, and where its three channels go.
struct Row<'a> {
    plan: &'a Plan<'a>,
    /// Packed pixels, or luma.
    first: Taps<'a>,
    planes: Option<Planes<'a>>,
    channels: [*mut f32; 3],
}

struct Planes<'a> {
    chroma: &'a Chroma<'a>,
    cb: Taps<'a>,
    cr: Taps<'a>,
}

/// Luma and chroma to the output channels, held within a byte's range.
#[inline(always)]
fn to_rgb<L: Lanes>(chroma: &Chroma, luma: L::F, cb: L::F, cr: L::F) -> [L::F; 3] {
    let luma = L::mul(L::sub(luma, L::set(chroma.luma_bias)), L::set(chroma.luma_gain));
    let cb = L::sub(cb, L::set(128.0));
    let cr = L::sub(cr, L::set(128.0));
    [0, 1, 2].map(|channel| {
        let with_cb = L::add(luma, L::mul(cb, L::set(chroma.cb_weight[channel])));
        let value = L::add(with_cb, L::mul(cr, L::set(chroma.cr_weight[channel])));
        L::min(L::max(value, L::set(0.0)), L::set(255.0))
    })
}

impl Row<'_> {
    #[inline(always)]
    unsafe fn write<L: Lanes, const IS_AREA: bool>(&self, x: usize) {
        let plan = self.plan;
        unsafe {
            let values = match &self.planes {
                None => {
                    let bytes = bytes_at::<L, 3, IS_AREA>(&self.first, x);
                    plan.byte_of.map(|byte| bytes[byte])
                }
                Some(Planes { chroma, cb, cr }) => {
                    let luma = bytes_at::<L, 1, IS_AREA>(&self.first, x)[0];
                    if !IS_AREA && chroma.cr_offset == chroma.cb_offset + 1 {
                        let [cb, cr, _] = bytes_at::<L, 2, false>(cb, x);
                        to_rgb::<L>(chroma, luma, cb, cr)
                    } else {
                        let cb = bytes_at::<L, 1, IS_AREA>(cb, x)[0];
                        to_rgb::<L>(chroma, luma, cb, bytes_at::<L, 1, IS_AREA>(cr, x)[0])
                    }
                }
            };
            for channel in 0..3 {
                let raised = L::mul(values[channel], L::set(plan.gain[channel]));
                L::store(self.channels[channel].add(plan.left + x), L::add(raised, L::set(plan.bias[channel])));
            }
        }
    }

    #[inline(always)]
    unsafe fn write_all<const IS_AREA: bool>(&self) {
        let plan = self.plan;
        let mut wide = self.first.wide(plan.source_bytes);
        if let Some(Planes { cb, cr, .. }) = &self.planes {
            wide = wide.min(cb.wide(plan.source_bytes)).min(cr.wide(plan.source_bytes));
        }
        let whole = wide - wide % Four::WIDTH;
        unsafe {
            for x in (0..whole).step_by(Four::WIDTH) {
                self.write::<Four, IS_AREA>(x);
            }
            for x in whole..plan.columns.count {
                self.write::<One, IS_AREA>(x);
            }
        }
    }
}

/// Where the op writes, and room for three float rows where the target's own are not such rows.
pub struct Target {
    pub elements: *mut u8,
    pub scratch: *mut f32,
}

/// SAFETY: `plan.source_bytes` lie at `source`, 3 x width x height elements and 3 x width floats fit in the target's memory,
/// and nothing of it overlaps.
pub unsafe fn image(plan: &Plan, source: *const u8, target: &Target) {
    let is_direct = plan.is_planar && matches!(plan.element, Element::F32);
    let plane = plan.width * plan.height;
    for y in 0..plan.height {
        let channels = [0, 1, 2].map(|channel| {
            if is_direct {
                unsafe { target.elements.cast::<f32>().add(channel * plane + y * plan.width) }
            } else {
                unsafe { target.scratch.add(channel * plan.width) }
            }
        });
        unsafe {
            write_row(plan, source, y, channels);
            if is_direct {
                continue;
            }
            match plan.element {
                Element::F32 => store_row::<F32>(plan, target.elements, y, channels),
                Element::F16 => store_row::<F16>(plan, target.elements, y, channels),
                Element::U8 => store_row::<U8>(plan, target.elements, y, channels),
                Element::I8 => store_row::<I8>(plan, target.elements, y, channels),
            }
        }
    }
}

/// The floats of one output row.
unsafe fn write_row(plan: &Plan, source: *const u8, y: usize, channels: [*mut f32; 3]) {
    let content = y.checked_sub(plan.top).filter(|row| *row < plan.rows.count);
    let (from, until) =
        if content.is_some() { (plan.left, plan.left + plan.columns.count) } else { (plan.width, plan.width) };
    for (channel, to) in channels.iter().enumerate() {
        // SAFETY: a row of floats lies at each channel.
        let floats = unsafe { core::slice::from_raw_parts_mut(*to, plan.width) };
        floats[..from].fill(plan.pad[channel]);
        floats[until..].fill(plan.pad[channel]);
    }
    let Some(row) = content else { return };
    let taps = |columns, rows, offset| Taps { columns, rows, source, offset, row };
    let planes = plan.chroma.as_ref().map(|chroma| Planes {
        chroma,
        cb: taps(&chroma.columns, &chroma.rows, chroma.cb_offset),
        cr: taps(&chroma.columns, &chroma.rows, chroma.cr_offset),
    });
    let row = Row { plan, first: taps(&plan.columns, &plan.rows, 0), planes, channels };
    unsafe { if plan.is_area { row.write_all::<true>() } else { row.write_all::<false>() } }
}

/// How floats become elements.
trait Stored {
    type Type: Copy;
    unsafe fn put<L: Lanes>(to: *mut Self::Type, value: L::F);
}

struct F32;
struct F16;
struct U8;
struct I8;

impl Stored for F32 {
    type Type = f32;
    #[inline(always)]
    unsafe fn put<L: Lanes>(to: *mut f32, value: L::F) {
        unsafe { L::store(to, value) }
    }
}

impl Stored for F16 {
    type Type = u16;
    #[inline(always)]
    unsafe fn put<L: Lanes>(to: *mut u16, value: L::F) {
        unsafe { L::store_half(to, value) }
    }
}

impl Stored for U8 {
    type Type = u8;
    #[inline(always)]
    unsafe fn put<L: Lanes>(to: *mut u8, value: L::F) {
        unsafe { L::store_u8(to, value) }
    }
}

impl Stored for I8 {
    type Type = i8;
    #[inline(always)]
    unsafe fn put<L: Lanes>(to: *mut i8, value: L::F) {
        unsafe { L::store_i8(to, value) }
    }
}

/// One row of floats to the target's elements and layout.
unsafe fn store_row<S: Stored>(plan: &Plan, elements: *mut u8, y: usize, channels: [*mut f32; 3]) {
    let elements = elements.cast::<S::Type>();
    let width = plan.width;
    unsafe {
        if !plan.is_planar {
            let line = elements.add(y * width * 3);
            for x in 0..width {
                for (channel, floats) in channels.iter().enumerate() {
                    S::put::<One>(line.add(3 * x + channel), *floats.add(x));
                }
            }
            return;
        }
        for (channel, floats) in channels.iter().enumerate() {
            let line = elements.add((channel * plan.height + y) * width);
            let whole = width - width % Four::WIDTH;
            for x in (0..whole).step_by(Four::WIDTH) {
                S::put::<Four>(line.add(x), Four::load(floats.add(x)));
            }
            for x in whole..width {
                S::put::<One>(line.add(x), One::load(floats.add(x)));
            }
        }
    }
}
