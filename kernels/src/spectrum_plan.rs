// Owns the reading of a spectrum plan's block of words. The layout is SPECTRUM_HEAD in runtime/ops/spectrum-plan.ts.
// Invariant: a plan that was read keeps every load inside its samples and tables, and every store inside its scratch memory.

const MARK: i32 = 0x3143_5053;
const HEAD_WORDS: usize = 35;
const SAMPLES_MAX: i32 = 16_777_216;
const POINTS_MAX: i32 = 8192;
const BANDS_MAX: i32 = 512;
/// Floats of scratch memory before a frame's samples, the last of which is the predecessor of the first sample.
const FRAME_LEAD: usize = 8;
/// Taps of a band come in eights.
const TAPS: usize = 8;

#[derive(Clone, Copy, PartialEq)]
pub enum Edges {
    None,
    Reflect,
    Zeros,
}

pub struct Plan {
    pub samples: i32,
    pub frames: usize,
    pub hop: i32,
    pub frame_samples: usize,
    pub start: i32,
    pub points: usize,
    pub radices: [usize; 8],
    pub passes: usize,
    pub edges: Edges,
    pub is_integer: bool,
    pub removes_mean: bool,
    pub is_power: bool,
    pub is_bands_first: bool,
    pub scale: f32,
    pub pre_emphasis: f32,
    pub window: *const f32,
    pub twiddles: *const f32,
    pub splits: *const f32,
    /// None where bins are wanted. Rows of first bin, taps, place among the weights.
    pub bands: usize,
    pub band_rows: *const [i32; 3],
    pub band_weights: *const f32,
    pub floor: f32,
    pub log_factor: f32,
    pub range: f32,
    pub gain: f32,
    pub bias: f32,
    /// A frame's samples; one float before them is written.
    pub frame: *mut f32,
    pub signal: *mut f32,
    pub halves: *mut f32,
    pub bins: *mut f32,
    pub logs: *mut f32,
}

/// Tables lie between the head and the scratch memory, which is all that is written.
struct Block<'a> {
    words: &'a [i32],
    scratch: usize,
}

impl Block<'_> {
    fn whole(&self, at: usize, first: i32, last: i32) -> Option<i32> {
        (first..=last).contains(&self.words[at]).then_some(self.words[at])
    }

    fn flag(&self, at: usize) -> Option<bool> {
        Some(self.whole(at, 0, 1)? == 1)
    }

    fn float(&self, at: usize) -> f32 {
        f32::from_bits(self.words[at] as u32)
    }

    /// Where a table of this size begins.
    fn table(&self, head: usize, size: usize) -> Option<usize> {
        let at = usize::try_from(self.words[head]).ok()?;
        (at >= HEAD_WORDS && at.checked_add(size)? <= self.scratch).then_some(at)
    }

    /// The radices, how many there are, and the floats of all passes' roots.
    fn passes(&self, points: usize) -> Option<([usize; 8], usize, usize)> {
        let mut radices = [0; 8];
        let mut rest = points / 2;
        let mut roots = 0;
        let mut passes = 0;
        while passes < 8 && rest > 1 {
            let radix = self.whole(12 + passes, 2, 8)? as usize;
            let is_one = matches!(radix, 2 | 4 | 5 | 8);
            if !is_one || !rest.is_multiple_of(radix) || (passes == 0 && radix != 8) {
                return None;
            }
            radices[passes] = radix;
            passes += 1;
            rest /= radix;
            if rest > 1 {
                roots += 2 * (radix - 1) * rest;
            }
        }
        (rest == 1).then_some((radices, passes, roots))
    }

    /// The weights that the bands' rows reach.
    fn weights(&self, rows: usize, bands: usize, points: usize) -> Option<usize> {
        let mut weights = 0;
        for row in self.words[rows..rows + 3 * bands].as_chunks::<3>().0 {
            let [first, taps, at] = row.map(|value| usize::try_from(value).unwrap_or(usize::MAX));
            let is_within = first <= points && taps <= POINTS_MAX as usize && taps % TAPS == 0 && at < self.words.len();
            if !is_within || first + taps > points / 2 + TAPS {
                return None;
            }
            weights = weights.max(at + taps);
        }
        Some(weights)
    }
}

impl Plan {
    /// None for a block that is not one of ours or leads out of its samples.
    pub fn read(words: &mut [i32]) -> Option<Self> {
        if words.len() < HEAD_WORDS || words[0] != MARK || words[1] as usize != words.len() {
            return None;
        }
        let scratch = usize::try_from(words[34]).ok()?;
        if scratch < HEAD_WORDS || scratch > words.len() {
            return None;
        }
        let block = Block { words, scratch };
        let samples = block.whole(2, 1, SAMPLES_MAX)?;
        let frames = block.whole(4, 1, SAMPLES_MAX + 1)?;
        let hop = block.whole(5, 1, SAMPLES_MAX)?;
        let points = block.whole(7, 16, POINTS_MAX)?;
        let frame_samples = block.whole(6, 2, points)?;
        let start = block.whole(8, -POINTS_MAX, 0)?;
        let edges = [Edges::None, Edges::Reflect, Edges::Zeros][block.whole(9, 0, 2)? as usize];
        if points % 16 != 0 {
            return None;
        }
        // Every frame lies inside the samples, or is filled up by what does.
        let end = i64::from(start) + i64::from(frames - 1) * i64::from(hop) + i64::from(frame_samples);
        let is_inside = start >= 0 && end <= i64::from(samples);
        let is_mirrored = -start < samples && end - i64::from(samples) < i64::from(samples);
        if end > i64::from(i32::MAX) {
            return None;
        }
        if !is_inside && edges != Edges::Zeros && !(edges == Edges::Reflect && is_mirrored) {
            return None;
        }
        let (frame_samples, points) = (frame_samples as usize, points as usize);
        let (radices, passes, roots) = block.passes(points)?;
        let window = block.table(22, frame_samples)?;
        let twiddles = block.table(23, roots)?;
        let splits = block.table(24, points)?;
        let bands = block.whole(25, 0, BANDS_MAX)? as usize;
        let band_rows = block.table(26, 3 * bands)?;
        let band_weights = block.table(27, block.weights(band_rows, bands, points)?)?;
        if scratch + FRAME_LEAD + 4 * points + points / 2 + TAPS + bands > words.len() {
            return None;
        }
        let is_integer = block.flag(3)?;
        let removes_mean = block.flag(10)?;
        let is_power = block.flag(11)?;
        let is_bands_first = block.flag(28)?;
        let [scale, pre_emphasis] = [20, 21].map(|at| block.float(at));
        let [floor, log_factor, range, gain, bias] = [29, 30, 31, 32, 33].map(|at| block.float(at));
        let begin = words.as_mut_ptr();
        // SAFETY: every place was found inside the block, and so were the lengths behind it.
        let place = |at: usize| unsafe { begin.add(at) };
        let frame = scratch + FRAME_LEAD;
        let signal = frame + points;
        let halves = signal + points;
        let bins = halves + 2 * points;
        let logs = bins + points / 2 + TAPS;
        Some(Self {
            samples,
            frames: frames as usize,
            hop,
            frame_samples,
            start,
            points,
            radices,
            passes,
            edges,
            is_integer,
            removes_mean,
            is_power,
            is_bands_first,
            scale,
            pre_emphasis,
            window: place(window).cast(),
            twiddles: place(twiddles).cast(),
            splits: place(splits).cast(),
            bands,
            band_rows: place(band_rows).cast(),
            band_weights: place(band_weights).cast(),
            floor,
            log_factor,
            range,
            gain,
            bias,
            frame: place(frame).cast(),
            signal: place(signal).cast(),
            halves: place(halves).cast(),
            bins: place(bins).cast(),
            logs: place(logs).cast(),
        })
    }

    /// Numbers of one frame: bins, or bands.
    pub fn width(&self) -> usize {
        if self.bands > 0 { self.bands } else { self.points / 2 + 1 }
    }
}
