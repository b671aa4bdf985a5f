// Owns the resample op: a polyphase filter bank over a stream's window.
// Invariant: a sum runs in eight lanes of double, added up in the order runtime/ops/reference/resample.ts has.

use crate::sum::Sum;

/// A filter bank and where the first output lies: see runtime/ops/resample-plan.ts.
pub struct Call<'a> {
    pub table: &'a [f32],
    pub input: &'a [f32],
    pub taps: usize,
    pub phases: u32,
    pub up: u32,
    pub down: u32,
    pub start: usize,
    pub fraction: u32,
}

impl Call<'_> {
    /// Whether every window of so many outputs lies inside the input and every row inside the table.
    pub fn is_within(&self, outputs: usize) -> bool {
        let is_filter = self.taps > 0 && self.up > 0 && self.fraction < self.up;
        if !is_filter || self.table.len() as u64 != (u64::from(self.phases) + 1) * self.taps as u64 {
            return false;
        }
        let Some(last) = (outputs as u64).checked_sub(1) else { return true };
        let moved = (u64::from(self.fraction) + last * u64::from(self.down)) / u64::from(self.up);
        self.start as u64 + moved + self.taps as u64 <= self.input.len() as u64
    }
}

#[inline(always)]
fn dot(window: &[f32], row: &[f32]) -> f64 {
    let mut sum = Sum::zero();
    let (inputs, last_inputs) = window.as_chunks::<8>();
    let (taps, last_taps) = row.as_chunks::<8>();
    for (input, tap) in inputs.iter().zip(taps) {
        sum.add_products(input, tap);
    }
    if !last_taps.is_empty() {
        // What is left over, filled up with zeros, whose products change no sum.
        let mut input = [0.0; 8];
        let mut tap = [0.0; 8];
        input[..last_inputs.len()].copy_from_slice(last_inputs);
        tap[..last_taps.len()].copy_from_slice(last_taps);
        sum.add_products(&input, &tap);
    }
    sum.total()
}

/// The caller has checked the call with `is_within`.
pub fn resample(call: &Call, output: &mut [f32]) {
    let mut start = call.start;
    let mut fraction = call.fraction;
    for one in output {
        let phase = (f64::from(fraction) * f64::from(call.phases)) / f64::from(call.up);
        let row = phase as usize;
        let share = phase - row as f64;
        let window = &call.input[start..start + call.taps];
        let taps_of = |row: usize| &call.table[row * call.taps..(row + 1) * call.taps];
        let low = dot(window, taps_of(row));
        *one = if share == 0.0 { low } else { low + share * (dot(window, taps_of(row + 1)) - low) } as f32;
        let moved = fraction + call.down;
        start += (moved / call.up) as usize;
        fraction = moved % call.up;
    }
}
