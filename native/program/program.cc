// Owns the packing of a program's matrices and the run of its steps.

#include "program/program.h"

#include <algorithm>
#include <cstring>

#include "program/row_ops.h"
#include "program/step_reader.h"

namespace redline {

namespace {

using Code = Program::Code;

constexpr std::size_t kCacheLineFloats = 16;

std::size_t rounded_up(std::size_t count, std::size_t to) noexcept { return (count + to - 1) / to * to; }

/// A matrix of `columns` rows as models hold it, `depth` weights each, in blocks of kPackedColumns columns.
void pack(const float* weights, std::size_t columns, std::size_t depth, float* packed) {
  for (std::size_t column = 0; column < columns; ++column) {
    float* block = packed + column / ops::kPackedColumns * ops::kPackedColumns * depth + column % ops::kPackedColumns;
    for (std::size_t k = 0; k < depth; ++k) block[k * ops::kPackedColumns] = weights[column * depth + k];
  }
}

/// The same of signed bytes, four of each column together; `sums` receives the sum of each column's weights.
void pack_bytes(const std::int8_t* weights, std::size_t columns, std::size_t depth, std::int8_t* packed,
                std::int32_t* sums) {
  const std::size_t groups = (depth + 3) / 4;
  for (std::size_t column = 0; column < columns; ++column) {
    const std::size_t block = column / ops::kPackedColumns * groups;
    for (std::size_t k = 0; k < depth; ++k) {
      const std::int8_t weight = weights[column * depth + k];
      packed[((block + k / 4) * ops::kPackedColumns + column % ops::kPackedColumns) * 4 + k % 4] = weight;
      sums[column] += weight;
    }
  }
}

/// What a step reads of the constants: none where `weights` is below 0. `depth` is 1 for a row of factors or constants.
struct Constants {
  std::size_t columns = 0;
  std::size_t depth = 0;
  std::int64_t weights = -1;
  std::int64_t bias = -1;
};

Constants constants_of(const Program::Step& step) noexcept {
  const std::int64_t* fields = step.fields;
  const auto size = [fields](int at) { return static_cast<std::size_t>(fields[at]); };
  switch (step.code) {
    case Code::affine:
      return {size(5), size(4), fields[7], fields[8]};
    case Code::affine8:
      return {size(5), size(4), fields[7], fields[9]};
    case Code::lstm:
      return {4 * size(7), size(6) + size(7), fields[8], fields[9]};
    case Code::gru:
      return {4 * size(5), size(4) + size(5), fields[6], fields[7]};
    case Code::conv2d:
      return {size(13), size(5) * size(6) * size(4), fields[14], fields[15]};
    case Code::depthwise:
      return {size(4), size(5) * size(6), fields[13], fields[14]};
    case Code::constant:
      return {size(2), 1, fields[1], -1};
    case Code::layer_norm:
      return {size(3), 1, fields[4], fields[5]};
    default:
      return {};
  }
}

ops::ImageWindows windows_of(const std::int64_t* fields) noexcept {
  const auto size = [fields](int at) { return static_cast<std::size_t>(fields[at]); };
  return {size(2), size(3), size(4), size(5), size(6), size(7), size(8), size(9), size(10), size(11), size(12)};
}

}  // namespace

Program::Program(const ProgramImage& image, const ops::NetworkSet& set)
    : set_(set), arena_floats_(image.arena_floats) {
  StepReader reader(image);
  while (reader.has_more()) steps_.push_back(reader.next());
  lay_out();
  fill(image);
}

/// Gives every step's constants a place, each on cache lines of its own.
void Program::lay_out() {
  std::size_t floats = 0;
  std::size_t zeros = 0;
  for (Step& step : steps_) {
    const Constants constants = constants_of(step);
    const std::size_t columns = rounded_up(constants.columns, ops::kPackedColumns);
    const bool is_bytes = step.code == Code::affine8;
    step.matrix = floats;
    step.bias = floats + columns * (is_bytes ? (constants.depth + 3) / 4 : constants.depth);
    step.scales = step.bias + columns;
    step.offsets = step.scales + (is_bytes ? columns : 0);
    floats = step.offsets + (is_bytes ? columns : 0);
    if (step.code == Code::conv2d) zeros = std::max(zeros, static_cast<std::size_t>(step.fields[4] * step.fields[6]));
  }
  zeros_ = floats;
  floats += rounded_up(zeros, kCacheLineFloats);
  memory_.assign(floats + kCacheLineFloats, 0.0f);
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.data()) / sizeof(float);
  aligned_ = rounded_up(address, kCacheLineFloats) - address;
}

void Program::fill(const ProgramImage& image) {
  float* memory = memory_.data() + aligned_;
  for (const Step& step : steps_) {
    const Constants constants = constants_of(step);
    if (constants.weights < 0) continue;
    const float* weights = image.weights.data() + constants.weights;
    if (constants.bias >= 0) {
      std::memcpy(memory + step.bias, image.weights.data() + constants.bias, constants.columns * sizeof(float));
    }
    if (step.code == Code::affine8) {
      auto* offsets = reinterpret_cast<std::int32_t*>(memory + step.offsets);
      pack_bytes(reinterpret_cast<const std::int8_t*>(weights), constants.columns, constants.depth,
                 reinterpret_cast<std::int8_t*>(memory + step.matrix), offsets);
      for (std::size_t i = 0; i < constants.columns; ++i) offsets[i] *= static_cast<std::int32_t>(step.fields[10]);
      std::memcpy(memory + step.scales, image.weights.data() + step.fields[8], constants.columns * sizeof(float));
    } else if (step.code == Code::constant || step.code == Code::layer_norm || step.code == Code::depthwise) {
      std::memcpy(memory + step.matrix, weights, constants.columns * constants.depth * sizeof(float));
    } else {
      pack(weights, constants.columns, constants.depth, memory + step.matrix);
    }
  }
}

/// One step of an LSTM or GRU: input and state side by side times one matrix, then what the gates say.
void Program::run_cell(const Step& step, float* arena) const noexcept {
  const float* memory = memory_.data() + aligned_;
  const std::int64_t* fields = step.fields;
  const bool is_lstm = step.code == Code::lstm;
  const auto inputs = static_cast<std::size_t>(fields[is_lstm ? 6 : 4]);
  const auto units = static_cast<std::size_t>(fields[is_lstm ? 7 : 5]);
  const std::size_t depth = inputs + units;
  float* joined = arena + fields[is_lstm ? 5 : 3];
  float* gates = joined + depth;
  std::copy_n(arena + fields[0], inputs, joined);
  std::copy_n(arena + fields[1], units, joined + inputs);
  set_.affine({joined, gates, memory + step.matrix, memory + step.bias, 1, depth, depth, 4 * units, 4 * units,
               {ops::Activation::none, 0.0f, 0.0f, 0.0f}});
  if (is_lstm) {
    set_.lstm({gates, arena + fields[2], arena + fields[4], arena + fields[3], units});
  } else {
    set_.gru({gates, arena + fields[1], nullptr, arena + fields[2], units});
  }
}

void Program::run(float* arena) const noexcept {
  const float* memory = memory_.data() + aligned_;
  for (const Step& step : steps_) {
    const std::int64_t* fields = step.fields;
    const auto size = [fields](int at) { return static_cast<std::size_t>(fields[at]); };
    switch (step.code) {
      case Code::affine: {
        const std::int64_t reach = (fields[2] - 1) * fields[3] + fields[4];
        float* input = arena + fields[0] - fields[9];
        std::fill_n(input, size(9), 0.0f);
        std::fill_n(input + reach - fields[10], size(10), 0.0f);
        set_.affine({input, arena + fields[1], memory + step.matrix, memory + step.bias, size(2), size(3), size(4),
                     size(5), size(6), step.curve});
        break;
      }
      case Code::affine8:
        set_.affine8({reinterpret_cast<const std::uint8_t*>(arena + fields[0]), arena + fields[1],
                      reinterpret_cast<const std::int8_t*>(memory + step.matrix), memory + step.scales,
                      memory + step.bias, reinterpret_cast<const std::int32_t*>(memory + step.offsets), size(2),
                      4 * size(3), size(4), size(5), size(6), static_cast<ops::Activation>(fields[11])});
        break;
      case Code::quantise: {
        const auto word = static_cast<std::int32_t>(fields[3]);
        float inverse;
        std::memcpy(&inverse, &word, sizeof(inverse));
        set_.quantise(arena + fields[0], reinterpret_cast<std::uint8_t*>(arena + fields[1]), size(2), inverse,
                      static_cast<float>(fields[4]));
        break;
      }
      case Code::lstm:
      case Code::gru:
        run_cell(step, arena);
        break;
      case Code::map:
        set_.map(arena + fields[0], arena + fields[1], size(2), step.curve);
        break;
      case Code::combine:
        set_.combine(arena + fields[0], arena + fields[1], arena + fields[2], size(3), size(4),
                     static_cast<ops::Combination>(fields[5]));
        break;
      case Code::magnitude:
        for (std::int64_t row = 0; row < fields[3]; ++row) {
          set_.magnitude(arena + fields[0] + row * fields[5], arena + fields[1] + row * fields[5],
                         arena + fields[2] + row * fields[6], size(4));
        }
        break;
      case Code::move:
        move_rows(arena, fields);
        break;
      case Code::constant:
        std::copy_n(memory + step.matrix, size(2), arena + fields[0]);
        break;
      case Code::mean:
        mean_of_rows(arena, fields);
        break;
      case Code::conv2d:
        set_.conv2d({windows_of(fields), arena + fields[0], arena + fields[1], memory + step.matrix,
                     memory + step.bias, memory + zeros_, size(13), step.curve});
        break;
      case Code::depthwise:
        set_.depthwise({windows_of(fields), arena + fields[0], arena + fields[1], memory + step.matrix,
                        memory + step.bias, step.curve});
        break;
      case Code::pool:
        set_.pool(windows_of(fields), arena + fields[0], arena + fields[1], fields[13] == 1);
        break;
      case Code::elementary:
        elementary_of(arena, fields);
        break;
      case Code::select:
        std::copy_n(arena + fields[arena[fields[0]] != 0.0f ? 1 : 2], size(4), arena + fields[3]);
        break;
      case Code::softmax:
        softmax_rows(arena, fields);
        break;
      case Code::layer_norm:
        normalise_rows(arena, fields, memory + step.matrix, memory + step.bias);
        break;
    }
  }
}

}  // namespace redline
