// Owns the reading of an image plan's block of words. The layout is IMAGE_HEAD in runtime/ops/image-plan.ts.
// Invariant: a plan that was read keeps every load inside `source_bytes` and every store inside 3 x width x height.

const MARK: i32 = 0x3147_4d49;
const HEAD_WORDS: usize = 47;
const SIDE_MAX: usize = 16_384;
/// Offsets stay below what 32 bits hold, with room for a vector's width.
const BYTES_MAX: usize = i32::MAX as usize - 64;

/// Tables of one axis: entry `tap * count + i` belongs to position `i`. Offsets rise with tap and with position.
pub struct Axis<'a> {
    pub taps: usize,
    pub count: usize,
    pub offsets: &'a [i32],
    pub weights: &'a [f32],
}

impl Axis<'_> {
    fn last(&self) -> usize {
        self.offsets.last().map_or(0, |offset| *offset as usize)
    }
}

/// Luma's own bias and gain, and where the chroma planes lie.
pub struct Chroma<'a> {
    pub columns: Axis<'a>,
    pub rows: Axis<'a>,
    pub cb_offset: usize,
    pub cr_offset: usize,
    pub luma_bias: f32,
    pub luma_gain: f32,
    pub cb_weight: [f32; 3],
    pub cr_weight: [f32; 3],
}

#[derive(Clone, Copy)]
pub enum Element {
    F32,
    F16,
    U8,
    I8,
}

impl Element {
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::U8 | Self::I8 => 1,
        }
    }
}

pub struct Plan<'a> {
    pub is_planar: bool,
    pub is_area: bool,
    pub element: Element,
    pub source_bytes: usize,
    pub width: usize,
    pub height: usize,
    pub left: usize,
    pub top: usize,
    pub columns: Axis<'a>,
    pub rows: Axis<'a>,
    /// None for packed pixels.
    pub chroma: Option<Chroma<'a>>,
    pub byte_of: [usize; 3],
    pub gain: [f32; 3],
    pub bias: [f32; 3],
    pub pad: [f32; 3],
}

struct Block<'a>(&'a [i32]);

impl<'a> Block<'a> {
    fn whole(&self, at: usize, first: usize, last: usize) -> Option<usize> {
        let value = usize::try_from(self.0[at]).ok()?;
        (first..=last).contains(&value).then_some(value)
    }

    fn flag(&self, at: usize) -> Option<bool> {
        Some(self.whole(at, 0, 1)? == 1)
    }

    fn float(&self, at: usize) -> f32 {
        f32::from_bits(self.0[at] as u32)
    }

    fn three(&self, at: usize) -> [f32; 3] {
        [self.float(at), self.float(at + 1), self.float(at + 2)]
    }

    fn table(&self, at: usize, size: usize) -> Option<&'a [i32]> {
        let from = self.whole(at, HEAD_WORDS, self.0.len())?;
        self.0.get(from..from.checked_add(size)?)
    }

    fn axis(&self, at: usize, count: usize, is_area: bool) -> Option<Axis<'a>> {
        let taps = if is_area { self.whole(at, 1, SIDE_MAX + 1)? } else { self.whole(at, 2, 2)? };
        let size = taps.checked_mul(count)?;
        let offsets = self.table(at + 1, size)?;
        let weights = self.table(at + 2, if is_area { size } else { count })?;
        let rises = offsets.chunks_exact(count).all(|tap| tap[0] >= 0 && tap.is_sorted())
            && offsets.iter().zip(&offsets[count..]).all(|(first, second)| first <= second);
        // SAFETY: the same words, read as the floats whose bits they are.
        let weights = unsafe { core::slice::from_raw_parts(weights.as_ptr().cast::<f32>(), weights.len()) };
        rises.then_some(Axis { taps, count, offsets, weights })
    }
}

impl<'a> Plan<'a> {
    /// None for a block that is not one of ours or leads out of its source.
    pub fn read(words: &'a [i32]) -> Option<Self> {
        if words.len() < HEAD_WORDS || words[0] != MARK || words[1] as usize != words.len() {
            return None;
        }
        let block = Block(words);
        let is_planes = block.flag(2)?;
        let source_bytes = block.whole(3, 1, BYTES_MAX)?;
        let width = block.whole(4, 1, SIDE_MAX)?;
        let height = block.whole(5, 1, SIDE_MAX)?;
        let left = block.whole(6, 0, width - 1)?;
        let top = block.whole(7, 0, height - 1)?;
        let content_width = block.whole(8, 1, width - left)?;
        let content_height = block.whole(9, 1, height - top)?;
        let is_planar = block.flag(10)?;
        let element = [Element::F32, Element::F16, Element::U8, Element::I8][block.whole(11, 0, 3)?];
        let is_area = block.flag(12)?;
        let columns = block.axis(13, content_width, is_area)?;
        let rows = block.axis(16, content_height, is_area)?;
        let last = columns.last() + rows.last();
        let mut byte_of = [0; 3];
        let chroma = if is_planes {
            let chroma = Chroma {
                columns: block.axis(19, content_width, is_area)?,
                rows: block.axis(22, content_height, is_area)?,
                cb_offset: block.whole(28, 0, BYTES_MAX)?,
                cr_offset: block.whole(29, 0, BYTES_MAX)?,
                luma_bias: block.float(39),
                luma_gain: block.float(40),
                cb_weight: block.three(41),
                cr_weight: block.three(44),
            };
            // Sums of three offsets below 2^31 may pass 2^32.
            let reach = (chroma.columns.last() + chroma.rows.last()) as u64;
            let farthest = reach + chroma.cb_offset.max(chroma.cr_offset) as u64;
            (last < source_bytes && farthest < source_bytes as u64).then_some(Some(chroma))?
        } else {
            for (channel, byte) in byte_of.iter_mut().enumerate() {
                *byte = block.whole(25 + channel, 0, 2)?;
            }
            (last.checked_add(2)? < source_bytes).then_some(None)?
        };
        Some(Self {
            is_planar,
            is_area,
            element,
            source_bytes,
            width,
            height,
            left,
            top,
            columns,
            rows,
            chroma,
            byte_of,
            gain: block.three(30),
            bias: block.three(33),
            pad: block.three(36),
        })
    }
}
