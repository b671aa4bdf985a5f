// Owns the module's exports: Redline's ops over linear memory, by address. Knows no JavaScript and allocates nothing.
// Invariant: whoever calls owns the memory from `heap_start` on; every address and length names memory of the module, what
// is written overlaps nothing else, and a block that leads out of its memory is refused before anything is written.
#![no_std]
#![deny(warnings, unsafe_op_in_unsafe_fn)]
#![allow(clippy::too_many_arguments, clippy::neg_cmp_op_on_partial_ord, clippy::excessive_precision)]
#![allow(clippy::needless_range_loop, reason = "channels and lanes are numbers that several arrays share")]

mod fourier;
mod gain;
mod gemv_i8;
mod image;
mod image_plan;
mod lanes;
mod level;
mod log_mel;
mod margins;
mod mask;
mod network;
mod network_bytes;
mod network_image;
mod network_image_step;
mod network_rows;
mod network_step;
mod network_words;
mod one_lane;
mod resample;
mod runs;
mod self_test;
mod spectrum_plan;
mod stft;
mod sum;

use core::slice::{from_raw_parts, from_raw_parts_mut};

/// What an op answers: done, or a block or length that would lead out of the memory it names.
const DONE: u32 = 0;
const REFUSED: u32 = 1;

#[panic_handler]
fn trap(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

unsafe extern "C" {
    static __heap_base: u8;
}

/// The first address that is the caller's; a multiple of 16.
#[unsafe(no_mangle)]
pub extern "C" fn heap_start() -> usize {
    (&raw const __heap_base as usize).next_multiple_of(16)
}

/// With 0 it answers 0 on an engine that computes rightly, else one bit for each group that is wrong.
#[unsafe(no_mangle)]
pub extern "C" fn self_test(zero: u32) -> u32 {
    self_test::self_test(zero)
}

/// An image plan's block, its source, its target and room for 3 x target width floats.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn image(
    words: *const i32,
    word_count: usize,
    source: *const u8,
    source_bytes: usize,
    target: *mut u8,
    target_bytes: usize,
    scratch: *mut f32,
) -> u32 {
    // SAFETY: the caller's block.
    let Some(plan) = image_plan::Plan::read(unsafe { from_raw_parts(words, word_count) }) else { return REFUSED };
    if source_bytes < plan.source_bytes || target_bytes != 3 * plan.width * plan.height * plan.element.bytes() {
        return REFUSED;
    }
    // SAFETY: the plan keeps every load and store inside the lengths just compared.
    unsafe { image::image(&plan, source, &image::Target { elements: target, scratch }) };
    DONE
}

/// 2 x pixels scores to pixels margins and two totals.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn margins(
    scores: *const f32,
    pixels: usize,
    margins: *mut f32,
    totals: *mut f64,
    is_logits: u32,
) {
    // SAFETY: the caller's memory.
    unsafe { margins::margins(&margins::Call { scores, pixels, margins, totals }, is_logits != 0) }
}

/// A mask plan's block, whose scratch row is written, its margins and its image.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mask(
    words: *mut i32,
    word_count: usize,
    margins: *const f32,
    margin_count: usize,
    out: *mut u8,
    out_bytes: usize,
) -> u32 {
    // SAFETY: the caller's block.
    let Some(plan) = mask::Plan::read(unsafe { from_raw_parts_mut(words, word_count) }) else { return REFUSED };
    if margin_count != plan.grid_width * plan.grid_height || out_bytes != plan.width * plan.height {
        return REFUSED;
    }
    // SAFETY: the plan keeps every load and store inside the lengths just compared.
    unsafe { mask::mask(&plan, margins, out) };
    DONE
}

/// Writes as many runs of four doubles as `capacity` and answers how many there are.
///
/// # Safety
/// As the module says. `width` is above 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn runs(
    margins: *const f32,
    width: usize,
    height: usize,
    out: *mut [f64; 4],
    capacity: usize,
) -> usize {
    // SAFETY: the caller's memory.
    unsafe { runs::runs(from_raw_parts(margins, width * height), width, from_raw_parts_mut(out, capacity)) }
}

/// (phases + 1) x taps numbers of a table, the input, the output, and where its first element lies.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn resample(
    table: *const f32,
    table_count: usize,
    input: *const f32,
    input_count: usize,
    output: *mut f32,
    output_count: usize,
    taps: usize,
    phases: u32,
    up: u32,
    down: u32,
    start: usize,
    fraction: u32,
) -> u32 {
    // SAFETY: the caller's memory.
    let (table, input) = unsafe { (from_raw_parts(table, table_count), from_raw_parts(input, input_count)) };
    let call = resample::Call { table, input, taps, phases, up, down, start, fraction };
    if !call.is_within(output_count) {
        return REFUSED;
    }
    // SAFETY: the caller's memory.
    resample::resample(&call, unsafe { from_raw_parts_mut(output, output_count) });
    DONE
}

/// Samples to five numbers.
///
/// # Safety
/// As the module says. `clips_at` is above 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn level(
    samples: *const f32,
    count: usize,
    stats: *mut [f64; 5],
    pre_emphasis: f64,
    previous: f32,
    clips_at: f64,
) {
    // SAFETY: the caller's memory.
    unsafe {
        let samples = from_raw_parts(samples, count);
        *stats = level::level(&level::Call { samples, pre_emphasis, previous, clips_at });
    }
}

/// A spectrum plan's block without bands, whose scratch memory is written, its samples and its bins.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stft(
    words: *mut i32,
    word_count: usize,
    samples: *const u8,
    sample_count: usize,
    out: *mut f32,
    out_count: usize,
) -> u32 {
    // SAFETY: the caller's block.
    let Some(plan) = spectrum_plan::Plan::read(unsafe { from_raw_parts_mut(words, word_count) }) else {
        return REFUSED;
    };
    if plan.bands > 0
        || plan.samples as usize != sample_count
        || plan.frames.checked_mul(plan.width()) != Some(out_count)
    {
        return REFUSED;
    }
    // SAFETY: the plan keeps every load and store inside the lengths just compared.
    unsafe { stft::stft(&plan, samples, out) };
    DONE
}

/// The same with bands.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn log_mel(
    words: *mut i32,
    word_count: usize,
    samples: *const u8,
    sample_count: usize,
    out: *mut f32,
    out_count: usize,
) -> u32 {
    // SAFETY: the caller's block.
    let Some(plan) = spectrum_plan::Plan::read(unsafe { from_raw_parts_mut(words, word_count) }) else {
        return REFUSED;
    };
    if plan.bands == 0
        || plan.samples as usize != sample_count
        || plan.frames.checked_mul(plan.bands) != Some(out_count)
    {
        return REFUSED;
    }
    // SAFETY: the plan keeps every load and store inside the lengths just compared.
    unsafe { log_mel::log_mel(&plan, samples, out) };
    DONE
}

/// Samples to as many samples; answers how many were held at the limit, which is above 0.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gain(samples: *const f32, count: usize, out: *mut f32, by: f32, limit: f32) -> u32 {
    // SAFETY: the caller's memory.
    unsafe { gain::gain(samples, count, out, by, limit) }
}

/// rows x columns int8 weights times columns activations from 0 to 127: `sum * scale + bias` of each row, not below 0 when rectified.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gemv_i8(
    weights: *const i8,
    activations: *const u8,
    scales: *const f32,
    biases: *const f32,
    output: *mut f32,
    rows: usize,
    columns: usize,
    is_rectified: u32,
) {
    let is_rectified = is_rectified != 0;
    let call = gemv_i8::Call { weights, activations, scales, biases, output, rows, columns, is_rectified };
    // SAFETY: the caller's memory.
    unsafe { gemv_i8::gemv_i8(&call) }
}

/// A program's steps as words, its packed constants and its arena. Every step is held against both before the first one runs.
///
/// # Safety
/// As the module says. Places of one step that are written overlap no other of its places, but where runtime/ops/network-steps.ts
/// says so.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn network(
    words: *const i32,
    word_count: usize,
    constants: *const f32,
    constant_floats: usize,
    arena: *mut f32,
    arena_floats: usize,
) -> u32 {
    let mut reader =
        network_words::Reader { words, count: word_count, at: 0, arena, arena_floats, constants, constant_floats };
    for is_run in [false, true] {
        reader.at = 0;
        while reader.at < word_count {
            // SAFETY: the caller's memory.
            if unsafe { reader.next(is_run) }.is_none() {
                return REFUSED;
            }
        }
    }
    DONE
}
