// Owns a program's steps: each read and held against its arena and constants, then run. Knows no model.
// Invariant: fields come in the order of STEP_FORMS in runtime/ops/network-steps.ts; constants are packed as
// runtime/ops/pack-network.ts does; a step that was read touches its arena and constants only.

use crate::network::{Activation, Affine, Cell, Combination};
use crate::network::{affine, combine, gru, lstm, magnitude, map};
use crate::network_bytes::{Affine8, affine8, quantise};
use crate::network_image_step::ImageStep;
use crate::network_rows::{Function, Move, Rows};
use crate::network_rows::{elementary, mean_of_rows, move_rows, normalise_rows, softmax_rows};
use crate::network_words::{MOST, MOST_WEIGHTS, Reader, padded, reach};

/// Sums of so many products of two bytes stay within 32 bits.
const MOST_DEPTH8: i64 = 32_768;

/// A step with its memory.
enum Step {
    /// Besides, stretches that are set to 0 first.
    Affine(Affine, [(*mut f32, usize); 2]),
    /// The gates' product with input and state, which are copied side by side first; then the cell.
    Cell {
        joined: *mut f32,
        input: *const f32,
        hidden: *const f32,
        inputs: usize,
        gates: Affine,
        cell: Cell,
        is_lstm: bool,
    },
    Map(*const f32, *mut f32, usize, Activation),
    Combine {
        left: *const f32,
        right: *const f32,
        output: *mut f32,
        count: usize,
        period: usize,
        how: Combination,
    },
    Magnitude {
        imaginary: *const f32,
        rows: Rows,
        output_stride: usize,
    },
    Move(Move),
    Constant(*const f32, *mut f32, usize),
    Mean(Rows),
    Softmax(Rows),
    LayerNorm {
        rows: Rows,
        factors: *const f32,
        bias: *const f32,
        epsilon: f32,
    },
    Quantise {
        input: *const f32,
        output: *mut u8,
        count: usize,
        inverse: f32,
        zero_point: f32,
    },
    Affine8(Affine8),
    Image(ImageStep),
    Elementary(*const f32, *mut f32, usize, Function),
    Select {
        condition: *const f32,
        choices: [*const f32; 2],
        output: *mut f32,
        count: usize,
    },
}

impl Reader {
    /// Runs the next step, or only holds it against the memory; undefined words answer None.
    ///
    /// SAFETY: arena and constants are there, and no word changes between the two.
    pub unsafe fn next(&mut self, is_run: bool) -> Option<()> {
        let step = match self.word(1, 18)? {
            1 => self.affine()?,
            2 => self.cell(true)?,
            3 => self.map()?,
            4 => self.combine()?,
            5 => self.magnitude()?,
            6 => self.moved()?,
            7 => self.constants()?,
            8 => self.mean()?,
            9 => self.cell(false)?,
            10 => Step::Softmax(self.rows()?),
            11 => self.layer_norm()?,
            12 => self.quantise()?,
            13 => self.affine8()?,
            14 => Step::Image(ImageStep::conv2d(self)?),
            15 => Step::Image(ImageStep::depthwise(self)?),
            16 => Step::Image(ImageStep::pool(self)?),
            17 => self.elementary()?,
            _ => self.select()?,
        };
        if is_run {
            unsafe { run(&step) }
        }
        Some(())
    }

    fn affine(&mut self) -> Option<Step> {
        let (input, output) = (self.size(0)?, self.size(0)?);
        let (rows, stride, depth, columns) = (self.size(1)?, self.size(0)?, self.size(1)?, self.size(1)?);
        let output_stride = self.size(columns)?;
        let (weights, bias) = (self.word(0, MOST_WEIGHTS)?, self.word(0, MOST_WEIGHTS)?);
        let (before, after) = (self.size(0)?, self.size(0)?);
        let activation = self.curve()?;
        // The windows end where the zeros after end: what lies behind the input's own rows is zeroed first.
        let reach = (rows - 1) * stride + depth;
        if before + after > reach {
            return None;
        }
        let first = self.place(input - before, 0, reach)?;
        let call = Affine {
            input: first,
            output: self.place(output, 0, (rows - 1) * output_stride + columns)?,
            packed: self.constant(weights, padded(columns) * depth)?,
            bias: self.constant(bias, padded(columns))?,
            rows: rows as usize,
            stride: stride as usize,
            depth: depth as usize,
            columns: columns as usize,
            output_stride: output_stride as usize,
            activation,
        };
        // SAFETY: the zeros lie within the windows.
        let last = unsafe { first.add((reach - after) as usize) };
        Some(Step::Affine(call, [(first, before as usize), (last, after as usize)]))
    }

    fn cell(&mut self, is_lstm: bool) -> Option<Step> {
        let (input, hidden) = (self.size(0)?, self.size(0)?);
        let cell = if is_lstm { self.size(0)? } else { hidden };
        let hidden_out = self.size(0)?;
        let cell_out = if is_lstm { self.size(0)? } else { hidden_out };
        let (scratch, inputs, units) = (self.size(0)?, self.size(1)?, self.size(1)?);
        let (weights, bias) = (self.word(0, MOST_WEIGHTS)?, self.word(0, MOST_WEIGHTS)?);
        let depth = inputs + units;
        let joined = self.place(scratch, 0, inputs + 5 * units)?;
        // SAFETY: the scratch memory has room for both.
        let sums = unsafe { joined.add(depth as usize) };
        let gates = Affine {
            input: joined,
            output: sums,
            packed: self.constant(weights, padded(4 * units) * depth)?,
            bias: self.constant(bias, padded(4 * units))?,
            rows: 1,
            stride: depth as usize,
            depth: depth as usize,
            columns: 4 * units as usize,
            output_stride: 4 * units as usize,
            activation: Activation::None,
        };
        let cell = Cell {
            gates: sums,
            before: self.place(cell, 0, units)?,
            cell: self.place(cell_out, 0, units)?,
            hidden: self.place(hidden_out, 0, units)?,
            units: units as usize,
        };
        let (input, hidden) = (self.place(input, 0, inputs)?, self.place(hidden, 0, units)?);
        Some(Step::Cell { joined, input, hidden, inputs: inputs as usize, gates, cell, is_lstm })
    }

    fn map(&mut self) -> Option<Step> {
        let (input, output, count) = (self.size(0)?, self.size(0)?, self.size(1)?);
        let activation = self.curve()?;
        let (input, output) = (self.place(input, 0, count)?, self.place(output, 0, count)?);
        Some(Step::Map(input, output, count as usize, activation))
    }

    fn combine(&mut self) -> Option<Step> {
        const ALL: [Combination; 7] = [
            Combination::Add,
            Combination::Subtract,
            Combination::Multiply,
            Combination::Divide,
            Combination::Maximum,
            Combination::Minimum,
            Combination::AtLeast,
        ];
        let (left, right, output) = (self.size(0)?, self.size(0)?, self.size(0)?);
        let (count, period) = (self.size(1)?, self.size(1)?);
        let how = ALL[self.word(0, ALL.len() as i64 - 1)? as usize];
        Some(Step::Combine {
            left: self.place(left, 0, count)?,
            right: self.place(right, 0, count.min(period))?,
            output: self.place(output, 0, count)?,
            count: count as usize,
            period: period as usize,
            how,
        })
    }

    fn magnitude(&mut self) -> Option<Step> {
        let (real, imaginary, output) = (self.size(0)?, self.size(0)?, self.size(0)?);
        let (rows, columns, stride) = (self.size(1)?, self.size(1)?, self.size(0)?);
        let output_stride = self.size(columns)?;
        let reach = (rows - 1) * stride + columns;
        let rows_of = Rows {
            input: self.place(real, 0, reach)?,
            output: self.place(output, 0, (rows - 1) * output_stride + columns)?,
            rows: rows as usize,
            columns: columns as usize,
            stride: stride as usize,
        };
        let imaginary = self.place(imaginary, 0, reach)?;
        Some(Step::Magnitude { imaginary, rows: rows_of, output_stride: output_stride as usize })
    }

    fn moved(&mut self) -> Option<Step> {
        let places = [self.size(0)?, self.size(0)?];
        let (rows, columns) = (self.size(1)?, self.size(1)?);
        let mut steps = [0; 4];
        for step in &mut steps {
            *step = self.word(-MOST, MOST)?;
        }
        let mut pointers = [core::ptr::null_mut(); 2];
        for side in 0..2 {
            let (down, across) = (reach(rows, steps[2 * side]), reach(columns, steps[2 * side + 1]));
            pointers[side] = self.place(places[side], -(down.0 + across.0), down.1 + across.1 + 1)?;
        }
        let [row_step, column_step, output_row_step, output_column_step] = steps.map(|step| step as isize);
        Some(Step::Move(Move {
            input: pointers[0],
            output: pointers[1],
            rows: rows as usize,
            columns: columns as usize,
            row_step,
            column_step,
            output_row_step,
            output_column_step,
        }))
    }

    fn constants(&mut self) -> Option<Step> {
        let (output, weights, count) = (self.size(0)?, self.word(0, MOST_WEIGHTS)?, self.size(1)?);
        Some(Step::Constant(self.constant(weights, count)?, self.place(output, 0, count)?, count as usize))
    }

    fn mean(&mut self) -> Option<Step> {
        let (input, output) = (self.size(0)?, self.size(0)?);
        let (rows, columns, stride) = (self.size(1)?, self.size(1)?, self.size(0)?);
        Some(Step::Mean(Rows {
            input: self.place(input, 0, (rows - 1) * stride + columns)?,
            output: self.place(output, 0, columns)?,
            rows: rows as usize,
            columns: columns as usize,
            stride: stride as usize,
        }))
    }

    /// Dense rows.
    fn rows(&mut self) -> Option<Rows> {
        let (input, output) = (self.size(0)?, self.size(0)?);
        let (rows, columns) = (self.size(1)?, self.size(1)?);
        Some(Rows {
            input: self.place(input, 0, rows * columns)?,
            output: self.place(output, 0, rows * columns)?,
            rows: rows as usize,
            columns: columns as usize,
            stride: columns as usize,
        })
    }

    fn layer_norm(&mut self) -> Option<Step> {
        let rows = self.rows()?;
        let (weights, bias) = (self.word(0, MOST_WEIGHTS)?, self.word(0, MOST_WEIGHTS)?);
        let epsilon = self.float(0)?;
        let columns = rows.columns as i64;
        let (factors, bias) = (self.constant(weights, columns)?, self.constant(bias, columns)?);
        Some(Step::LayerNorm { rows, factors, bias, epsilon })
    }

    fn quantise(&mut self) -> Option<Step> {
        let (input, output, count) = (self.size(0)?, self.size(0)?, self.size(1)?);
        let inverse = self.float(0)?;
        let zero_point = self.word(0, 255)? as f32;
        Some(Step::Quantise {
            input: self.place(input, 0, count)?,
            output: self.place(output, 0, (count + 3) / 4)?.cast(),
            count: count as usize,
            inverse,
            zero_point,
        })
    }

    fn affine8(&mut self) -> Option<Step> {
        let (input, output) = (self.size(0)?, self.size(0)?);
        let (rows, stride) = (self.size(1)?, self.size(0)?);
        let (depth, columns) = (self.word(1, MOST_DEPTH8)?, self.size(1)?);
        let output_stride = self.size(columns)?;
        let weights = self.word(0, MOST_WEIGHTS)?;
        let (scales, bias) = (self.word(0, MOST_WEIGHTS)?, self.word(0, MOST_WEIGHTS)?);
        self.word(0, 255)?;
        let activation = self.activation()?;
        let groups = (depth + 3) / 4;
        // The offsets of the zero point lie behind the matrix.
        let matrix = padded(columns) * groups;
        let packed = self.constant(weights, matrix + padded(columns))?;
        Some(Step::Affine8(Affine8 {
            input: self.place(input, 0, (rows - 1) * stride + groups)?.cast(),
            output: self.place(output, 0, (rows - 1) * output_stride + columns)?,
            packed: packed.cast(),
            scales: self.constant(scales, padded(columns))?,
            bias: self.constant(bias, padded(columns))?,
            // SAFETY: the constants hold both.
            offsets: unsafe { packed.add(matrix as usize) }.cast(),
            rows: rows as usize,
            stride: 4 * stride as usize,
            depth: depth as usize,
            columns: columns as usize,
            output_stride: output_stride as usize,
            activation,
        }))
    }

    fn elementary(&mut self) -> Option<Step> {
        let (input, output, count) = (self.size(0)?, self.size(0)?, self.size(1)?);
        let function = [Function::Logarithm, Function::Root][self.word(0, 1)? as usize];
        let (input, output) = (self.place(input, 0, count)?, self.place(output, 0, count)?);
        Some(Step::Elementary(input, output, count as usize, function))
    }

    fn select(&mut self) -> Option<Step> {
        let (condition, yes, no) = (self.size(0)?, self.size(0)?, self.size(0)?);
        let (output, count) = (self.size(0)?, self.size(1)?);
        Some(Step::Select {
            condition: self.place(condition, 0, 1)?,
            choices: [self.place(yes, 0, count)?, self.place(no, 0, count)?],
            output: self.place(output, 0, count)?,
            count: count as usize,
        })
    }
}

/// SAFETY: the step was read, and its memory is still there.
unsafe fn run(step: &Step) {
    unsafe {
        match step {
            Step::Affine(call, zeros) => {
                for (from, count) in zeros {
                    from.write_bytes(0, *count);
                }
                affine(call);
            }
            Step::Cell { joined, input, hidden, inputs, gates, cell, is_lstm } => {
                input.copy_to(*joined, *inputs);
                hidden.copy_to(joined.add(*inputs), cell.units);
                affine(gates);
                if *is_lstm { lstm(cell) } else { gru(cell) }
            }
            Step::Map(input, output, count, activation) => map(*input, *output, *count, *activation),
            Step::Combine { left, right, output, count, period, how } => {
                combine(*left, *right, *output, *count, *period, *how);
            }
            Step::Magnitude { imaginary, rows, output_stride } => {
                for row in 0..rows.rows {
                    let from = row * rows.stride;
                    let output = rows.output.add(row * output_stride);
                    magnitude(rows.input.add(from), imaginary.add(from), output, rows.columns);
                }
            }
            Step::Move(call) => move_rows(call),
            Step::Constant(from, to, count) => from.copy_to(*to, *count),
            Step::Mean(rows) => mean_of_rows(rows),
            Step::Softmax(rows) => softmax_rows(rows),
            Step::LayerNorm { rows, factors, bias, epsilon } => normalise_rows(rows, *factors, *bias, *epsilon),
            Step::Quantise { input, output, count, inverse, zero_point } => {
                quantise(*input, *output, *count, *inverse, *zero_point);
            }
            Step::Affine8(call) => affine8(call),
            Step::Image(step) => step.run(),
            Step::Elementary(input, output, count, function) => elementary(*input, *output, *count, *function),
            Step::Select { condition, choices: [yes, no], output, count } => {
                // NaN is not 0.
                let from = if **condition != 0.0 { yes } else { no };
                from.copy_to(*output, *count);
            }
        }
    }
}
