// Owns a program's steps over images: each read and held against its arena and constants, then run. Knows no other step.
// Invariant: that of network_step.rs.

use crate::network_image::{Conv2d, Depthwise, Pool, Windows, conv2d, depthwise, pool};
use crate::network_words::{MOST_WEIGHTS, Reader, padded};

/// A side: products of five of them, and their sums, stay within 64 bits.
const MOST_SIDE: i64 = 4096;

/// A step with its memory.
pub enum ImageStep {
    Conv2d(Conv2d),
    Depthwise(Depthwise),
    Pool(Pool),
}

/// What every step over an image begins with.
struct Image {
    windows: Windows,
    input: *const f32,
    output: i64,
    taps: i64,
    channels: i64,
}

impl Image {
    fn read(reader: &mut Reader) -> Option<Image> {
        let (input, output) = (reader.size(0)?, reader.size(0)?);
        let mut sides = [0; 11];
        for (at, side) in sides.iter_mut().enumerate() {
            let is_padding = at == 7 || at == 8;
            *side = reader.word(if is_padding { 0 } else { 1 }, MOST_SIDE)?;
        }
        let [height, width, channels, kernel_height, kernel_width, ..] = sides;
        let input = reader.place(input, 0, height * width * channels)?;
        let [height, width, in_pixel, tall, wide, stride_y, stride_x, pad_top, pad_left, out_height, out_width] =
            sides.map(|side| side as usize);
        let windows = Windows {
            height,
            width,
            channels: in_pixel,
            kernel_height: tall,
            kernel_width: wide,
            stride_y,
            stride_x,
            pad_top,
            pad_left,
            out_height,
            out_width,
        };
        Some(Image { windows, input, output, taps: kernel_height * kernel_width, channels })
    }

    /// Room for so many floats of each window.
    fn output(&self, reader: &Reader, columns: i64) -> Option<*mut f32> {
        reader.place(self.output, 0, self.windows.count() as i64 * columns)
    }
}

impl ImageStep {
    pub fn conv2d(reader: &mut Reader) -> Option<ImageStep> {
        let image = Image::read(reader)?;
        let columns = reader.size(1)?;
        let (weights, bias) = (reader.word(0, MOST_WEIGHTS)?, reader.word(0, MOST_WEIGHTS)?);
        let activation = reader.curve()?;
        Some(ImageStep::Conv2d(Conv2d {
            input: image.input,
            output: image.output(reader, columns)?,
            packed: reader.constant(weights, image.taps * image.channels * padded(columns))?,
            bias: reader.constant(bias, padded(columns))?,
            columns: columns as usize,
            activation,
            windows: image.windows,
        }))
    }

    pub fn depthwise(reader: &mut Reader) -> Option<ImageStep> {
        let image = Image::read(reader)?;
        let (weights, bias) = (reader.word(0, MOST_WEIGHTS)?, reader.word(0, MOST_WEIGHTS)?);
        let activation = reader.curve()?;
        Some(ImageStep::Depthwise(Depthwise {
            input: image.input,
            output: image.output(reader, image.channels)?,
            weights: reader.constant(weights, image.taps * image.channels)?,
            bias: reader.constant(bias, image.channels)?,
            activation,
            windows: image.windows,
        }))
    }

    pub fn pool(reader: &mut Reader) -> Option<ImageStep> {
        let image = Image::read(reader)?;
        let is_mean = reader.word(0, 1)? == 1;
        let output = image.output(reader, image.channels)?;
        Some(ImageStep::Pool(Pool { input: image.input, output, is_mean, windows: image.windows }))
    }

    /// SAFETY: the step was read, and its memory is still there.
    pub unsafe fn run(&self) {
        unsafe {
            match self {
                ImageStep::Conv2d(call) => conv2d(call),
                ImageStep::Depthwise(call) => depthwise(call),
                ImageStep::Pool(call) => pool(call),
            }
        }
    }
}
