// Owns the float steps of a program over lanes: products with a packed matrix, cells, activations, pairs of numbers.
// Knows no word. Invariant: each product and each sum rounds once, so that both flavours give the same bits; how far they may
// be from runtime/ops/reference/network.ts is said in runtime/ops/network-steps.ts.

use crate::lanes::{Four, Lanes, One};
use crate::margins::{LIMIT, OVER, UNDER};

/// Columns of a packed matrix that lie together, and the floats its rows are filled up to.
pub const PACKED_COLUMNS: usize = 16;
const VECTORS: usize = PACKED_COLUMNS / Four::WIDTH;

/// What is done to each sum before it is stored.
#[derive(Clone, Copy)]
pub enum Activation {
    None,
    Relu,
    Sigmoid,
    Tanh,
    /// Leans below 0 and is cut off at two limits; the slope is above 0, at most 1.
    Bent {
        slope: f32,
        floor: f32,
        ceiling: f32,
    },
}

#[derive(Clone, Copy)]
pub enum Combination {
    Add,
    Subtract,
    Multiply,
    Divide,
    Maximum,
    Minimum,
    /// 1 or 0.
    AtLeast,
}

/// `rows` windows of `depth` floats, each `stride` after the one before, times a packed matrix, plus a bias, activated.
pub struct Affine {
    pub input: *const f32,
    pub output: *mut f32,
    /// Blocks of PACKED_COLUMNS columns, each `depth` rows of them, filled up with zeros.
    pub packed: *const f32,
    /// As many as packed columns.
    pub bias: *const f32,
    pub rows: usize,
    pub stride: usize,
    pub depth: usize,
    pub columns: usize,
    pub output_stride: usize,
    pub activation: Activation,
}

/// What a cell of `units` does with its gates, which lie one after the other. A GRU has no cell.
pub struct Cell {
    pub gates: *const f32,
    pub before: *const f32,
    pub cell: *mut f32,
    pub hidden: *mut f32,
    pub units: usize,
}

/// tanh, NaN for NaN: the bounds come first, since the second operand is what min and max answer for NaN. What lies beyond the
/// limit is added to the quotient and cut off: it saturates at 1 exactly.
#[inline(never)]
fn tanh_of<L: Lanes>(value: L::F) -> L::F {
    let y = L::max(L::set(-LIMIT), L::min(L::set(LIMIT), value));
    let square = L::mul(y, y);
    let mut over = L::set(OVER[0]);
    for power in &OVER[1..] {
        over = L::add(L::mul(over, square), L::set(*power));
    }
    let mut under = L::set(UNDER[0]);
    for power in &UNDER[1..] {
        under = L::add(L::mul(under, square), L::set(*power));
    }
    let beyond = L::add(L::div(L::mul(y, over), under), L::sub(value, y));
    L::max(L::set(-1.0), L::min(L::set(1.0), beyond))
}

#[inline(always)]
fn sigmoid_of<L: Lanes>(value: L::F) -> L::F {
    let half = L::set(0.5);
    L::add(L::mul(half, tanh_of::<L>(L::mul(half, value))), half)
}

#[inline(always)]
fn activated<L: Lanes>(value: L::F, activation: Activation) -> L::F {
    match activation {
        Activation::None => value,
        Activation::Relu => L::max(L::set(0.0), value),
        Activation::Sigmoid => sigmoid_of::<L>(value),
        Activation::Tanh => tanh_of::<L>(value),
        Activation::Bent { slope, floor, ceiling } => {
            // NaN comes second to each of them, and stays.
            let leaning = L::max(L::mul(L::set(slope), value), value);
            L::min(L::set(ceiling), L::max(L::set(floor), leaning))
        }
    }
}

#[inline(always)]
fn combined<L: Lanes>(left: L::F, right: L::F, combination: Combination) -> L::F {
    match combination {
        Combination::Add => L::add(left, right),
        Combination::Subtract => L::sub(left, right),
        Combination::Multiply => L::mul(left, right),
        Combination::Divide => L::div(left, right),
        Combination::Maximum => L::max(left, right),
        Combination::Minimum => L::min(left, right),
        Combination::AtLeast => L::at_least(left, right),
    }
}

/// Writes the first `count` of one block's sums.
///
/// SAFETY: there is room for `count` floats.
#[inline(always)]
pub unsafe fn store_block(sums: &[<Four as Lanes>::F; VECTORS], output: *mut f32, count: usize) {
    if count >= PACKED_COLUMNS {
        for v in 0..VECTORS {
            unsafe { Four::store(output.add(v * Four::WIDTH), sums[v]) };
        }
        return;
    }
    let mut filled = [0f32; PACKED_COLUMNS];
    for v in 0..VECTORS {
        unsafe { Four::store(filled.as_mut_ptr().add(v * Four::WIDTH), sums[v]) };
    }
    for (at, value) in filled.iter().enumerate().take(count) {
        unsafe { *output.add(at) = *value };
    }
}

/// Sums of so many rows of input and so many blocks of columns, all in registers.
pub type Sums<const ROWS: usize, const BLOCKS: usize> = [[[<Four as Lanes>::F; VECTORS]; BLOCKS]; ROWS];

/// Sums that start at the columns' bias.
///
/// SAFETY of these: the blocks of columns lie there; so do `depth` floats of each row, or one where its step is 0.
#[inline(always)]
pub unsafe fn begin<const ROWS: usize, const BLOCKS: usize>(bias: *const f32) -> Sums<ROWS, BLOCKS> {
    let mut starts = [[Four::set(0.0); VECTORS]; BLOCKS];
    for b in 0..BLOCKS {
        for v in 0..VECTORS {
            starts[b][v] = unsafe { Four::load(bias.add(b * PACKED_COLUMNS + v * Four::WIDTH)) };
        }
    }
    [starts; ROWS]
}

/// Adds the products of rows, each with the step from one number to the next, and blocks that lie `block_floats` apart.
#[inline(always)]
pub unsafe fn add_products<const ROWS: usize, const BLOCKS: usize>(
    sums: &mut Sums<ROWS, BLOCKS>,
    rows: [(*const f32, usize); ROWS],
    packed: *const f32,
    block_floats: usize,
    depth: usize,
) {
    for k in 0..depth {
        for b in 0..BLOCKS {
            for v in 0..VECTORS {
                let at = b * block_floats + k * PACKED_COLUMNS + v * Four::WIDTH;
                let weight = unsafe { Four::load(packed.add(at)) };
                for r in 0..ROWS {
                    let (row, step) = rows[r];
                    let number = Four::set(unsafe { *row.add(k * step) });
                    sums[r][b][v] = Four::add(sums[r][b][v], Four::mul(number, weight));
                }
            }
        }
    }
}

/// Writes the columns there are, `columns` from the first block on.
#[inline(always)]
pub unsafe fn end<const ROWS: usize, const BLOCKS: usize>(
    sums: &Sums<ROWS, BLOCKS>,
    output: *mut f32,
    output_stride: usize,
    columns: usize,
) {
    for r in 0..ROWS {
        for b in 0..BLOCKS {
            let first = b * PACKED_COLUMNS;
            unsafe { store_block(&sums[r][b], output.add(r * output_stride + first), columns - first) };
        }
    }
}

#[inline(never)]
unsafe fn affine_tile<const ROWS: usize, const BLOCKS: usize>(call: &Affine, row: usize, block: usize) {
    let block_floats = call.depth * PACKED_COLUMNS;
    let column = block * PACKED_COLUMNS;
    unsafe {
        let rows = core::array::from_fn(|r| (call.input.add((row + r) * call.stride), 1));
        let mut sums = begin::<ROWS, BLOCKS>(call.bias.add(column));
        add_products(&mut sums, rows, call.packed.add(block * block_floats), block_floats, call.depth);
        let output = call.output.add(row * call.output_stride + column);
        end(&sums, output, call.output_stride, call.columns - column);
    }
}

/// Eight sums are under way at once where there are rows or columns for it: a sum waits for the one before.
///
/// SAFETY: the call's memory is there, and its output overlaps nothing.
pub unsafe fn affine(call: &Affine) {
    let blocks = call.columns.div_ceil(PACKED_COLUMNS);
    let pairs = call.rows - call.rows % 2;
    unsafe {
        for row in (0..pairs).step_by(2) {
            for block in 0..blocks {
                affine_tile::<2, 1>(call, row, block);
            }
        }
        if pairs < call.rows {
            let whole = blocks - blocks % 2;
            for block in (0..whole).step_by(2) {
                affine_tile::<1, 2>(call, pairs, block);
            }
            if whole < blocks {
                affine_tile::<1, 1>(call, pairs, whole);
            }
        }
        for row in 0..call.rows {
            activate(call.output.add(row * call.output_stride), call.columns, call.activation);
        }
    }
}

/// Activates sums where they lie, in a pass of its own: the curves are long, and there is one copy of them.
///
/// SAFETY: `count` floats lie there.
pub unsafe fn activate(sums: *mut f32, count: usize, activation: Activation) {
    if !matches!(activation, Activation::None) {
        unsafe { map(sums, sums, count, activation) }
    }
}

#[inline(always)]
unsafe fn lstm_at<L: Lanes>(call: &Cell, at: usize) {
    unsafe {
        let gate = |index: usize| L::load(call.gates.add(index * call.units + at));
        let (input, output, forget) = (sigmoid_of::<L>(gate(0)), sigmoid_of::<L>(gate(1)), sigmoid_of::<L>(gate(2)));
        let kept = L::mul(forget, L::load(call.before.add(at)));
        let cell = L::add(kept, L::mul(input, tanh_of::<L>(gate(3))));
        L::store(call.cell.add(at), cell);
        L::store(call.hidden.add(at), L::mul(output, tanh_of::<L>(cell)));
    }
}

/// Gates input, output, forget, candidate; `before` is the cell before.
///
/// SAFETY of both: the call's memory is there; what is written is `before` itself or overlaps nothing.
pub unsafe fn lstm(call: &Cell) {
    lanes_of(call.units, |at| unsafe { lstm_at::<Four>(call, at) }, |at| unsafe { lstm_at::<One>(call, at) })
}

#[inline(always)]
unsafe fn gru_at<L: Lanes>(call: &Cell, at: usize) {
    unsafe {
        let gate = |index: usize| L::load(call.gates.add(index * call.units + at));
        let (update, reset) = (sigmoid_of::<L>(gate(0)), sigmoid_of::<L>(gate(1)));
        let candidate = tanh_of::<L>(L::add(gate(2), L::mul(reset, gate(3))));
        let distance = L::sub(L::load(call.before.add(at)), candidate);
        L::store(call.hidden.add(at), L::add(candidate, L::mul(update, distance)));
    }
}

/// Gates update, reset, and the two shares of the candidate; `before` is the state before.
pub unsafe fn gru(call: &Cell) {
    lanes_of(call.units, |at| unsafe { gru_at::<Four>(call, at) }, |at| unsafe { gru_at::<One>(call, at) })
}

/// SAFETY of the rest: `count` floats lie at each pointer; the output is an input itself or overlaps nothing.
#[inline(never)]
pub unsafe fn map(input: *const f32, output: *mut f32, count: usize, activation: Activation) {
    unsafe fn at<L: Lanes>(input: *const f32, output: *mut f32, activation: Activation) {
        unsafe { L::store(output, activated::<L>(L::load(input), activation)) }
    }
    unsafe {
        lanes_of(
            count,
            |i| at::<Four>(input.add(i), output.add(i), activation),
            |i| at::<One>(input.add(i), output.add(i), activation),
        )
    }
}

/// `right` starts over after `period`.
pub unsafe fn combine(
    left: *const f32,
    right: *const f32,
    output: *mut f32,
    count: usize,
    period: usize,
    combination: Combination,
) {
    unsafe fn at<L: Lanes>(left: *const f32, right: *const f32, output: *mut f32, combination: Combination) {
        unsafe { L::store(output, combined::<L>(L::load(left), L::load(right), combination)) }
    }
    for start in (0..count).step_by(period) {
        unsafe {
            let (left, output) = (left.add(start), output.add(start));
            lanes_of(
                period.min(count - start),
                |i| at::<Four>(left.add(i), right.add(i), output.add(i), combination),
                |i| at::<One>(left.add(i), right.add(i), output.add(i), combination),
            )
        }
    }
}

pub unsafe fn magnitude(real: *const f32, imaginary: *const f32, output: *mut f32, count: usize) {
    unsafe fn at<L: Lanes>(real: *const f32, imaginary: *const f32, output: *mut f32) {
        unsafe {
            let (re, im) = (L::load(real), L::load(imaginary));
            L::store(output, L::sqrt(L::add(L::mul(re, re), L::mul(im, im))))
        }
    }
    unsafe {
        lanes_of(
            count,
            |i| at::<Four>(real.add(i), imaginary.add(i), output.add(i)),
            |i| at::<One>(real.add(i), imaginary.add(i), output.add(i)),
        )
    }
}

/// Fours, then what is left one by one.
#[inline(always)]
pub fn lanes_of(count: usize, four: impl Fn(usize), one: impl Fn(usize)) {
    let whole = count - count % Four::WIDTH;
    for at in (0..whole).step_by(Four::WIDTH) {
        four(at);
    }
    for at in whole..count {
        one(at);
    }
}
