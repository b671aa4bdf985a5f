// Owns the mask op: margins on a grid to bytes at an image's size, and the reading of its block (MASK_HEAD in mask-plan.ts).
// Invariant: a block that was read keeps every load inside the grid and every store inside the image; each step rounds to
// float32 in the order runtime/ops/reference/mask.ts has.

use crate::lanes::{Four, Lanes, One};

const MARK: i32 = 0x314b_534d;
const HEAD_WORDS: usize = 11;
const SIDE_MAX: i32 = 16_384;

/// A block that was read. Tables lie in the block, and so does the scratch row, one row of the grid.
pub struct Plan {
    pub grid_width: usize,
    pub grid_height: usize,
    pub width: usize,
    pub height: usize,
    columns: *const i32,
    across: *const f32,
    rows: *const i32,
    down: *const f32,
    scratch: *mut f32,
}

impl Plan {
    /// None for a block that is not one of ours or leads out of its grid.
    pub fn read(words: &mut [i32]) -> Option<Self> {
        if words.len() < HEAD_WORDS || words[0] != MARK || words[1] as usize != words.len() {
            return None;
        }
        let side = |at: usize| (1..=SIDE_MAX).contains(&words[at]).then_some(words[at] as usize);
        let (grid_width, grid_height, width, height) = (side(2)?, side(3)?, side(4)?, side(5)?);
        // Tables in this order, none over another: the scratch row is written.
        let sizes = [2 * width, width, 2 * height, height, grid_width];
        let mut places = [0; 5];
        let mut free = HEAD_WORDS;
        for (table, size) in sizes.iter().enumerate() {
            let at = usize::try_from(words[6 + table]).ok()?;
            if at < free || at.checked_add(*size)? > words.len() {
                return None;
            }
            places[table] = at;
            free = at + size;
        }
        let are_within = |at: usize, count: usize, last: usize| {
            words[at..at + count].iter().all(|index| *index >= 0 && *index as usize <= last)
        };
        let is_safe = are_within(places[0], 2 * width, grid_width - 1)
            && are_within(places[2], 2 * height, grid_width * (grid_height - 1));
        let block = words.as_mut_ptr();
        // SAFETY: every place was found inside the block.
        is_safe.then(|| unsafe {
            Self {
                grid_width,
                grid_height,
                width,
                height,
                columns: block.add(places[0]),
                across: block.add(places[1]).cast(),
                rows: block.add(places[2]),
                down: block.add(places[3]).cast(),
                scratch: block.add(places[4]).cast(),
            }
        })
    }
}

#[inline(always)]
unsafe fn blend_rows<L: Lanes>(top: *const f32, bottom: *const f32, share: f32, line: *mut f32) {
    unsafe { L::store(line, L::lerp(L::load(top), L::load(bottom), L::set(share))) }
}

#[inline(always)]
unsafe fn write<L: Lanes>(plan: &Plan, x: usize, to: *mut u8) {
    unsafe {
        let left = L::gather(plan.scratch, plan.columns.add(x));
        let right = L::gather(plan.scratch, plan.columns.add(plan.width + x));
        L::store_above_zero(to, L::lerp(left, right, L::load(plan.across.add(x))));
    }
}

/// SAFETY: the grid's margins lie at `margins`, and room for the image's bytes at `out`, apart from each other and the block.
pub unsafe fn mask(plan: &Plan, margins: *const f32, out: *mut u8) {
    for y in 0..plan.height {
        unsafe {
            let top = margins.add(*plan.rows.add(y) as usize);
            let bottom = margins.add(*plan.rows.add(plan.height + y) as usize);
            let share = *plan.down.add(y);
            let whole = plan.grid_width - plan.grid_width % Four::WIDTH;
            for u in (0..whole).step_by(Four::WIDTH) {
                blend_rows::<Four>(top.add(u), bottom.add(u), share, plan.scratch.add(u));
            }
            for u in whole..plan.grid_width {
                blend_rows::<One>(top.add(u), bottom.add(u), share, plan.scratch.add(u));
            }
            let line = out.add(y * plan.width);
            let whole = plan.width - plan.width % Four::WIDTH;
            for x in (0..whole).step_by(Four::WIDTH) {
                write::<Four>(plan, x, line.add(x));
            }
            for x in whole..plan.width {
                write::<One>(plan, x, line.add(x));
            }
        }
    }
}
