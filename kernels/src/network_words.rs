// Owns reading a program's words, and holding a step's places against arena and constants. Knows no step.
// Invariant: a place that was answered lies inside its memory, with what is asked in front of it and behind.

use crate::network::{Activation, PACKED_COLUMNS};

/// Sizes below keep every product of two of them, and their sums, within 64 bits.
pub const MOST: i64 = 1 << 24;
pub const MOST_WEIGHTS: i64 = i32::MAX as i64;

/// Activations that take no numbers, by code, and the code of the one that does.
const PLAIN: [Activation; 4] = [Activation::None, Activation::Relu, Activation::Sigmoid, Activation::Tanh];
const BENT: i64 = PLAIN.len() as i64;

pub fn padded(columns: i64) -> i64 {
    (columns + PACKED_COLUMNS as i64 - 1) / PACKED_COLUMNS as i64 * PACKED_COLUMNS as i64
}

/// How far `count` steps of `step` lead from 0, one way and the other.
pub fn reach(count: i64, step: i64) -> (i64, i64) {
    let end = (count - 1) * step;
    (end.min(0), end.max(0))
}

/// Reads a program's words from the first to the last.
pub struct Reader {
    pub words: *const i32,
    pub count: usize,
    pub at: usize,
    pub arena: *mut f32,
    pub arena_floats: usize,
    pub constants: *const f32,
    pub constant_floats: usize,
}

impl Reader {
    pub fn word(&mut self, least: i64, most: i64) -> Option<i64> {
        if self.at >= self.count {
            return None;
        }
        // SAFETY: `count` words lie there.
        let value = i64::from(unsafe { *self.words.add(self.at) });
        self.at += 1;
        (value >= least && value <= most).then_some(value)
    }

    pub fn size(&mut self, least: i64) -> Option<i64> {
        self.word(least, MOST)
    }

    /// A place of `length` floats, and of `before` in front of it.
    pub fn place(&self, at: i64, before: i64, length: i64) -> Option<*mut f32> {
        let is_inside = at - before >= 0 && at + length <= self.arena_floats as i64;
        // SAFETY: just compared.
        is_inside.then(|| unsafe { self.arena.add(at as usize) })
    }

    pub fn constant(&self, at: i64, length: i64) -> Option<*const f32> {
        // SAFETY: just compared.
        (at + length <= self.constant_floats as i64).then(|| unsafe { self.constants.add(at as usize) })
    }

    /// A float32 as bits, those of a whole number not below `least`.
    pub fn float(&mut self, least: i32) -> Option<f32> {
        let bits = self.word(i64::from(least), i64::from(i32::MAX))?;
        Some(f32::from_bits(bits as u32))
    }

    /// An activation of one word: one that takes no numbers.
    pub fn activation(&mut self) -> Option<Activation> {
        Some(PLAIN[self.word(0, BENT - 1)? as usize])
    }

    /// An activation, then three numbers that one of them takes.
    pub fn curve(&mut self) -> Option<Activation> {
        let code = self.word(0, BENT)?;
        let (slope, floor, ceiling) = (self.float(0)?, self.float(i32::MIN)?, self.float(i32::MIN)?);
        Some(if code == BENT { Activation::Bent { slope, floor, ceiling } } else { PLAIN[code as usize] })
    }
}
