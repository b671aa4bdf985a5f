// Owns what each step's words must be. The order of the fields is that of STEP_FORMS in runtime/ops/network-steps.ts.

#include "program/step_reader.h"

#include <algorithm>
#include <cstring>

#include "host/failure.h"

namespace redline {

namespace {

// Sizes below keep every product of two of them, and their sums, within 64 bits.
constexpr std::int64_t kMost = 1 << 24;

/// The furthest that `count` steps of `step` lead from 0, one way and the other.
struct Reach {
  std::int64_t back;
  std::int64_t forth;
};

Reach reach_of(std::int64_t count, std::int64_t step) noexcept {
  const std::int64_t end = (count - 1) * step;
  return {std::min<std::int64_t>(0, end), std::max<std::int64_t>(0, end)};
}

}  // namespace

Program::Step StepReader::next() {
  Program::Step step{};
  step.code = static_cast<Program::Code>(word("code", 1, Program::kCodes));
  switch (step.code) {
    case Program::Code::affine:
      read_affine(&step);
      break;
    case Program::Code::lstm:
      read_lstm(&step);
      break;
    case Program::Code::map:
      read_map(&step);
      break;
    case Program::Code::combine:
      read_combine(&step);
      break;
    case Program::Code::magnitude:
      read_magnitude(&step);
      break;
    case Program::Code::move:
      read_move(&step);
      break;
    case Program::Code::constant:
      read_constant(&step);
      break;
    case Program::Code::mean:
      read_mean(&step);
      break;
    case Program::Code::gru:
      read_gru(&step);
      break;
    case Program::Code::softmax:
    case Program::Code::layer_norm:
      read_rows(&step);
      break;
    case Program::Code::quantise:
      read_quantise(&step);
      break;
    case Program::Code::affine8:
      read_affine8(&step);
      break;
    case Program::Code::conv2d:
    case Program::Code::depthwise:
    case Program::Code::pool:
      read_windows(&step);
      break;
    case Program::Code::elementary:
      read_elementary(&step);
      break;
    case Program::Code::select:
      read_select(&step);
      break;
  }
  ++step_;
  return step;
}

std::int64_t StepReader::word(const char* name, std::int64_t least, std::int64_t most) {
  if (at_ >= image_.words.size()) refuse(name, "a word");
  const std::int64_t value = image_.words[at_++];
  if (value < least || value > most) {
    refuse(name, std::to_string(least) + " to " + std::to_string(most) + ", not " + std::to_string(value));
  }
  return value;
}

void StepReader::require_place(const char* name, std::int64_t place, std::int64_t before, std::int64_t length) const {
  const auto arena = static_cast<std::int64_t>(image_.arena_floats);
  if (place - before < 0 || place + length > arena) {
    refuse(name, "a place within an arena of " + std::to_string(arena) + " floats");
  }
}

void StepReader::require_weights(const char* name, std::int64_t at, std::int64_t length) const {
  const auto weights = static_cast<std::int64_t>(image_.weights.size());
  if (at + length > weights) refuse(name, "a place within " + std::to_string(weights) + " weights");
}

void StepReader::refuse(const char* name, const std::string& expected) const {
  throw Failure("OP_ARGUMENT", "step " + std::to_string(step_) + ", " + name + ": expected " + expected);
}

/// An activation, then three floats as bits that one of them takes.
ops::Curve StepReader::read_curve() {
  ops::Curve curve{};
  curve.activation = static_cast<ops::Activation>(word("activation", 0, ops::kActivations - 1));
  float* const numbers[] = {&curve.slope, &curve.floor, &curve.ceiling};
  const char* const names[] = {"slope", "floor", "ceiling"};
  for (int at = 0; at < 3; ++at) {
    const auto bits = static_cast<std::int32_t>(word(names[at], at == 0 ? 0 : INT32_MIN, INT32_MAX));
    std::memcpy(numbers[at], &bits, sizeof(bits));
  }
  return curve;
}

void StepReader::read_affine(Program::Step* step) {
  std::int64_t* fields = step->fields;
  const std::int64_t input = fields[0] = word("input", 0, kMost);
  const std::int64_t output = fields[1] = word("output", 0, kMost);
  const std::int64_t rows = fields[2] = word("rows", 1, kMost);
  const std::int64_t stride = fields[3] = word("stride", 0, kMost);
  const std::int64_t depth = fields[4] = word("depth", 1, kMost);
  const std::int64_t columns = fields[5] = word("columns", 1, kMost);
  const std::int64_t output_stride = fields[6] = word("outputStride", columns, kMost);
  const std::int64_t weights = fields[7] = word("weights", 0, INT32_MAX);
  const std::int64_t bias = fields[8] = word("bias", -1, INT32_MAX);
  const std::int64_t before = fields[9] = word("zeroBefore", 0, kMost);
  const std::int64_t after = fields[10] = word("zeroAfter", 0, kMost);
  step->curve = read_curve();
  // The windows end where the zeros after end: what lies behind the input's own rows is zeroed first.
  const std::int64_t reach = (rows - 1) * stride + depth;
  if (before + after > reach) refuse("zeroBefore", "no more zeros than the windows reach");
  require_place("input", input, before, reach - before);
  require_place("output", output, 0, (rows - 1) * output_stride + columns);
  require_weights("weights", weights, columns * depth);
  if (bias >= 0) require_weights("bias", bias, columns);
}

void StepReader::read_lstm(Program::Step* step) {
  std::int64_t* fields = step->fields;
  const char* const names[] = {"input", "hidden", "cell", "hiddenOut", "cellOut", "scratch"};
  for (int at = 0; at < 6; ++at) fields[at] = word(names[at], 0, kMost);
  const std::int64_t inputs = fields[6] = word("inputs", 1, kMost);
  const std::int64_t units = fields[7] = word("units", 1, kMost);
  const std::int64_t weights = fields[8] = word("weights", 0, INT32_MAX);
  const std::int64_t bias = fields[9] = word("bias", -1, INT32_MAX);
  require_place("input", fields[0], 0, inputs);
  for (int at = 1; at < 5; ++at) require_place(names[at], fields[at], 0, units);
  require_place("scratch", fields[5], 0, inputs + 5 * units);
  require_weights("weights", weights, 4 * units * (inputs + units));
  if (bias >= 0) require_weights("bias", bias, 4 * units);
}

void StepReader::read_map(Program::Step* step) {
  std::int64_t* fields = step->fields;
  fields[0] = word("input", 0, kMost);
  fields[1] = word("output", 0, kMost);
  const std::int64_t count = fields[2] = word("count", 1, kMost);
  step->curve = read_curve();
  require_place("input", fields[0], 0, count);
  require_place("output", fields[1], 0, count);
}

void StepReader::read_combine(Program::Step* step) {
  std::int64_t* fields = step->fields;
  fields[0] = word("left", 0, kMost);
  fields[1] = word("right", 0, kMost);
  fields[2] = word("output", 0, kMost);
  const std::int64_t count = fields[3] = word("count", 1, kMost);
  const std::int64_t period = fields[4] = word("period", 1, kMost);
  fields[5] = word("combination", 0, ops::kCombinations - 1);
  require_place("left", fields[0], 0, count);
  require_place("right", fields[1], 0, std::min(count, period));
  require_place("output", fields[2], 0, count);
}

void StepReader::read_magnitude(Program::Step* step) {
  std::int64_t* fields = step->fields;
  fields[0] = word("real", 0, kMost);
  fields[1] = word("imaginary", 0, kMost);
  fields[2] = word("output", 0, kMost);
  const std::int64_t rows = fields[3] = word("rows", 1, kMost);
  const std::int64_t columns = fields[4] = word("columns", 1, kMost);
  const std::int64_t stride = fields[5] = word("stride", 0, kMost);
  const std::int64_t output_stride = fields[6] = word("outputStride", columns, kMost);
  require_place("real", fields[0], 0, (rows - 1) * stride + columns);
  require_place("imaginary", fields[1], 0, (rows - 1) * stride + columns);
  require_place("output", fields[2], 0, (rows - 1) * output_stride + columns);
}

void StepReader::read_move(Program::Step* step) {
  std::int64_t* fields = step->fields;
  fields[0] = word("input", 0, kMost);
  fields[1] = word("output", 0, kMost);
  const std::int64_t rows = fields[2] = word("rows", 1, kMost);
  const std::int64_t columns = fields[3] = word("columns", 1, kMost);
  const char* const names[] = {"rowStep", "columnStep", "outputRowStep", "outputColumnStep"};
  for (int at = 0; at < 4; ++at) fields[4 + at] = word(names[at], -kMost, kMost);
  for (int side = 0; side < 2; ++side) {
    const Reach down = reach_of(rows, fields[4 + 2 * side]);
    const Reach across = reach_of(columns, fields[5 + 2 * side]);
    require_place(side == 0 ? "input" : "output", fields[side], -(down.back + across.back),
                  down.forth + across.forth + 1);
  }
}

void StepReader::read_constant(Program::Step* step) {
  std::int64_t* fields = step->fields;
  fields[0] = word("output", 0, kMost);
  const std::int64_t weights = fields[1] = word("weights", 0, INT32_MAX);
  const std::int64_t count = fields[2] = word("count", 1, kMost);
  require_place("output", fields[0], 0, count);
  require_weights("weights", weights, count);
}

void StepReader::read_mean(Program::Step* step) {
  std::int64_t* fields = step->fields;
  fields[0] = word("input", 0, kMost);
  fields[1] = word("output", 0, kMost);
  const std::int64_t rows = fields[2] = word("rows", 1, kMost);
  const std::int64_t columns = fields[3] = word("columns", 1, kMost);
  const std::int64_t stride = fields[4] = word("stride", 0, kMost);
  require_place("input", fields[0], 0, (rows - 1) * stride + columns);
  require_place("output", fields[1], 0, columns);
}

void StepReader::read_gru(Program::Step* step) {
  std::int64_t* fields = step->fields;
  const char* const names[] = {"input", "hidden", "hiddenOut", "scratch"};
  for (int at = 0; at < 4; ++at) fields[at] = word(names[at], 0, kMost);
  const std::int64_t inputs = fields[4] = word("inputs", 1, kMost);
  const std::int64_t units = fields[5] = word("units", 1, kMost);
  const std::int64_t weights = fields[6] = word("weights", 0, INT32_MAX);
  const std::int64_t bias = fields[7] = word("bias", -1, INT32_MAX);
  require_place("input", fields[0], 0, inputs);
  require_place("hidden", fields[1], 0, units);
  require_place("hiddenOut", fields[2], 0, units);
  require_place("scratch", fields[3], 0, inputs + 5 * units);
  require_weights("weights", weights, 4 * units * (inputs + units));
  if (bias >= 0) require_weights("bias", bias, 4 * units);
}

/// Steps over windows of an image: the same sizes first, then what each has besides.
void StepReader::read_windows(Program::Step* step) {
  // A side: products of five of them, and their sums, stay within 64 bits.
  constexpr std::int64_t kMostSide = 4096;
  std::int64_t* fields = step->fields;
  fields[0] = word("input", 0, kMost);
  fields[1] = word("output", 0, kMost);
  const char* const names[] = {"height",  "width",  "channels", "kernelHeight", "kernelWidth", "strideY",
                               "strideX", "padTop", "padLeft",  "outHeight",    "outWidth"};
  for (int at = 0; at < 11; ++at) fields[2 + at] = word(names[at], at == 7 || at == 8 ? 0 : 1, kMostSide);
  const std::int64_t channels = fields[4];
  const std::int64_t taps = fields[5] * fields[6];
  const std::int64_t windows = fields[11] * fields[12];
  require_place("input", fields[0], 0, fields[2] * fields[3] * channels);
  if (step->code == Program::Code::pool) {
    fields[13] = word("isMean", 0, 1);
    require_place("output", fields[1], 0, windows * channels);
    return;
  }
  const bool is_conv = step->code == Program::Code::conv2d;
  const std::int64_t columns = is_conv ? fields[13] = word("columns", 1, kMost) : channels;
  const std::int64_t weights = fields[is_conv ? 14 : 13] = word("weights", 0, INT32_MAX);
  const std::int64_t bias = fields[is_conv ? 15 : 14] = word("bias", -1, INT32_MAX);
  step->curve = read_curve();
  require_place("output", fields[1], 0, windows * columns);
  require_weights("weights", weights, taps * channels * (is_conv ? columns : 1));
  if (bias >= 0) require_weights("bias", bias, columns);
}

void StepReader::read_elementary(Program::Step* step) {
  std::int64_t* fields = step->fields;
  fields[0] = word("input", 0, kMost);
  fields[1] = word("output", 0, kMost);
  const std::int64_t count = fields[2] = word("count", 1, kMost);
  fields[3] = word("function", 0, 1);
  require_place("input", fields[0], 0, count);
  require_place("output", fields[1], 0, count);
}

void StepReader::read_select(Program::Step* step) {
  std::int64_t* fields = step->fields;
  const char* const names[] = {"condition", "yes", "no", "output"};
  for (int at = 0; at < 4; ++at) fields[at] = word(names[at], 0, kMost);
  const std::int64_t count = fields[4] = word("count", 1, kMost);
  require_place("condition", fields[0], 0, 1);
  for (int at = 1; at < 4; ++at) require_place(names[at], fields[at], 0, count);
}

/// Softmax, and layer normalisation with its factors besides.
void StepReader::read_rows(Program::Step* step) {
  std::int64_t* fields = step->fields;
  fields[0] = word("input", 0, kMost);
  fields[1] = word("output", 0, kMost);
  const std::int64_t rows = fields[2] = word("rows", 1, kMost);
  const std::int64_t columns = fields[3] = word("columns", 1, kMost);
  require_place("input", fields[0], 0, rows * columns);
  require_place("output", fields[1], 0, rows * columns);
  if (step->code == Program::Code::softmax) return;
  const std::int64_t weights = fields[4] = word("weights", 0, INT32_MAX);
  const std::int64_t bias = fields[5] = word("bias", -1, INT32_MAX);
  fields[6] = word("epsilon", 0, INT32_MAX);
  require_weights("weights", weights, columns);
  if (bias >= 0) require_weights("bias", bias, columns);
}

void StepReader::read_quantise(Program::Step* step) {
  std::int64_t* fields = step->fields;
  fields[0] = word("input", 0, kMost);
  fields[1] = word("output", 0, kMost);
  const std::int64_t count = fields[2] = word("count", 1, kMost);
  fields[3] = word("inverse", 0, INT32_MAX);
  fields[4] = word("zeroPoint", 0, 255);
  require_place("input", fields[0], 0, count);
  require_place("output", fields[1], 0, (count + 3) / 4);
}

void StepReader::read_affine8(Program::Step* step) {
  // Sums of so many products of two bytes stay within 32 bits.
  constexpr std::int64_t kMostDepth = 32768;
  std::int64_t* fields = step->fields;
  fields[0] = word("input", 0, kMost);
  fields[1] = word("output", 0, kMost);
  const std::int64_t rows = fields[2] = word("rows", 1, kMost);
  const std::int64_t stride = fields[3] = word("stride", 0, kMost);
  const std::int64_t depth = fields[4] = word("depth", 1, kMostDepth);
  const std::int64_t columns = fields[5] = word("columns", 1, kMost);
  const std::int64_t output_stride = fields[6] = word("outputStride", columns, kMost);
  const std::int64_t weights = fields[7] = word("weights", 0, INT32_MAX);
  const std::int64_t scales = fields[8] = word("scales", 0, INT32_MAX);
  const std::int64_t bias = fields[9] = word("bias", -1, INT32_MAX);
  fields[10] = word("zeroPoint", 0, 255);
  // `bent` is for sums of floats: its words are not here.
  fields[11] = word("activation", 0, ops::kActivations - 2);
  require_place("input", fields[0], 0, (rows - 1) * stride + (depth + 3) / 4);
  require_place("output", fields[1], 0, (rows - 1) * output_stride + columns);
  require_weights("weights", weights, (columns * depth + 3) / 4);
  require_weights("scales", scales, columns);
  if (bias >= 0) require_weights("bias", bias, columns);
}

}  // namespace redline
