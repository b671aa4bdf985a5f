// Owns the runs op: vectors look for the next margin above 0, one lane adds up a run.
// Invariant: a run's sums are double, from left to right, as in runtime/ops/reference/runs.ts.

use crate::lanes::{Four, Lanes};

/// The first column from `column` on whose margin is above 0, or the row's length.
#[inline(always)]
fn next_above_zero(row: &[f32], mut column: usize) -> usize {
    // SAFETY: four margins lie at `column`.
    while column + Four::WIDTH <= row.len() && unsafe { Four::above_zero(Four::load(row.as_ptr().add(column))) } == 0 {
        column += Four::WIDTH;
    }
    while column < row.len() && !(row[column] > 0.0) {
        column += 1;
    }
    column
}

/// Writes as many runs of four doubles as `out` holds and answers how many there are. `width` is above 0.
pub fn runs(margins: &[f32], width: usize, out: &mut [[f64; 4]]) -> usize {
    let mut count = 0;
    for (v, row) in margins.chunks_exact(width).enumerate() {
        let mut column = next_above_zero(row, 0);
        while column < width {
            let first = column;
            let mut weight = 0.0;
            let mut moment = 0.0;
            while column < width && row[column] > 0.0 {
                let margin = f64::from(row[column]);
                weight += margin;
                moment += margin * column as f64;
                column += 1;
            }
            if let Some(run) = out.get_mut(count) {
                *run = [v as f64, first as f64, (column - 1) as f64, moment / weight];
            }
            count += 1;
            column = next_above_zero(row, column);
        }
    }
    count
}
