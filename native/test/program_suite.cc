// Owns the rules of programs without JavaScript: random steps over arenas of exactly their size, so that a sanitizer sees a
// float too many; every set near the scalar one; words that lead out are refused; a session runs a program on a lane.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "host/failure.h"
#include "program/program.h"
#include "program/program_graph.h"
#include "test/caller.h"
#include "test/check.h"

namespace redline::check {

namespace {

constexpr int kCases = 300;
constexpr const char* kSuite = "programs";

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  std::int32_t below(std::int32_t count) {
    return static_cast<std::int32_t>(engine_() % static_cast<std::uint32_t>(count));
  }
  std::int32_t size() {
    constexpr std::int32_t kSizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 64};
    return kSizes[below(16)];
  }
  std::vector<float> floats(std::size_t count) {
    std::vector<float> found(count);
    for (float& value : found) value = static_cast<float>(engine_() >> 8) / 16777216.0f - 0.5f;
    return found;
  }

 private:
  std::mt19937 engine_;
};

/// An activation, and a slope below 0 and two limits for the one that takes them.
void put_curve(std::vector<std::int32_t>* fields, Dice* dice) {
  fields->push_back(dice->below(ops::kActivations));
  for (const float number : {0.2f, -0.25f, 0.25f}) {
    std::int32_t bits;
    std::memcpy(&bits, &number, sizeof(bits));
    fields->push_back(bits);
  }
}

/// An image of one step whose arena and weights end with the last float that the step touches.
ProgramImage random_step(Dice* dice, Program::Code code) {
  ProgramImage image;
  std::int32_t arena = 0;
  std::int32_t weights = 0;
  const auto place = [&arena](std::int32_t floats) {
    arena += floats;
    return arena - floats;
  };
  const auto constants = [&weights](std::int32_t floats) {
    weights += floats;
    return weights - floats;
  };
  const std::int32_t rows = 1 + dice->below(9);
  const std::int32_t columns = dice->size();
  const std::int32_t depth = dice->size();
  image.words.push_back(static_cast<std::int32_t>(code));
  std::vector<std::int32_t> fields;
  switch (code) {
    case Program::Code::affine: {
      const std::int32_t stride = dice->below(depth + 1);
      const std::int32_t reach = (rows - 1) * stride + depth;
      const std::int32_t before = dice->below(depth / 2 + 1);
      const std::int32_t input = place(reach) + before;
      const std::int32_t output = place(rows * columns);
      fields = {input,   output, rows,  stride, depth, columns, columns, constants(columns * depth), constants(columns),
                before,  dice->below(depth / 2 + 1)};
      put_curve(&fields, dice);
      break;
    }
    case Program::Code::lstm:
      fields = {place(depth), place(columns), place(columns), place(columns), place(columns), place(depth + 5 * columns),
                depth,        columns,        constants(4 * columns * (depth + columns)),     constants(4 * columns)};
      break;
    case Program::Code::map:
      fields = {place(columns), place(columns), columns};
      put_curve(&fields, dice);
      break;
    case Program::Code::combine: {
      const std::int32_t period = dice->size();
      fields = {place(columns), place(std::min(columns, period)), place(columns), columns, period, dice->below(ops::kCombinations)};
      break;
    }
    case Program::Code::magnitude:
      fields = {place(rows * columns), place(rows * columns), place(rows * columns), rows, columns, columns, columns};
      break;
    case Program::Code::move:
      fields = {place(rows * columns) + rows * columns - 1, place(rows * columns), rows, columns, -columns, -1, 1, rows};
      break;
    case Program::Code::constant:
      fields = {place(columns), constants(columns), columns};
      break;
    case Program::Code::mean:
      fields = {place(rows * columns), place(columns), rows, columns, columns};
      break;
    case Program::Code::gru:
      fields = {place(depth), place(columns), place(columns), place(depth + 5 * columns), depth, columns,
                constants(4 * columns * (depth + columns)), constants(4 * columns)};
      break;
    case Program::Code::softmax:
      fields = {place(rows * columns), place(rows * columns), rows, columns};
      break;
    case Program::Code::layer_norm:
      fields = {place(rows * columns), place(rows * columns), rows, columns, constants(columns), constants(columns),
                0x3727c5ac};
      break;
    case Program::Code::quantise:
      fields = {place(columns), place((columns + 3) / 4), columns, 0x42000000, dice->below(256)};
      break;
    case Program::Code::conv2d:
    case Program::Code::depthwise:
    case Program::Code::pool: {
      const std::int32_t height = 1 + dice->below(6);
      const std::int32_t width = 1 + dice->below(6);
      const std::int32_t kernel = 1 + dice->below(3);
      const std::int32_t pad = dice->below(kernel);
      const std::int32_t stride = 1 + dice->below(2);
      const std::int32_t out = 1 + dice->below(5);
      const std::int32_t made = code == Program::Code::conv2d ? 1 + dice->below(70) : columns;
      fields = {place(height * width * columns), place(out * out * made), height, width, columns, kernel,
                kernel, stride, stride, pad, pad, out, out};
      if (code == Program::Code::pool) fields.push_back(dice->below(2));
      if (code == Program::Code::pool) break;
      if (code == Program::Code::conv2d) fields.push_back(made);
      const std::int32_t depth_of_one = code == Program::Code::conv2d ? columns : 1;
      fields.insert(fields.end(), {constants(kernel * kernel * depth_of_one * made), constants(made)});
      put_curve(&fields, dice);
      break;
    }
    case Program::Code::elementary:
      fields = {place(columns), place(columns), columns, dice->below(2)};
      break;
    case Program::Code::select:
      fields = {place(1), place(columns), place(columns), place(columns), columns};
      break;
    case Program::Code::affine8: {
      const std::int32_t stride = (depth + 3) / 4;
      fields = {place(rows * stride), place(rows * columns), rows, stride, depth, columns, columns,
                constants((columns * depth + 3) / 4), constants(columns), constants(columns), dice->below(256),
                dice->below(4)};
      break;
    }
  }
  image.words.insert(image.words.end(), fields.begin(), fields.end());
  image.weights = dice->floats(static_cast<std::size_t>(weights));
  image.arena_floats = static_cast<std::size_t>(arena);
  return image;
}

constexpr Program::Code kCodes[] = {Program::Code::affine, Program::Code::lstm,     Program::Code::map,
                                    Program::Code::combine, Program::Code::magnitude, Program::Code::move,
                                    Program::Code::constant, Program::Code::mean,      Program::Code::gru,       Program::Code::softmax,
                                    Program::Code::layer_norm, Program::Code::quantise, Program::Code::affine8,
                                    Program::Code::conv2d,   Program::Code::depthwise, Program::Code::pool,
                                    Program::Code::elementary, Program::Code::select};

}  // namespace

REDLINE_TEST(kSuite, "every set runs every step near the scalar one, within its arena") {
  Dice dice(11);
  for (int index = 0; index < kCases; ++index) {
    for (const Program::Code code : kCodes) {
      const ProgramImage image = random_step(&dice, code);
      const std::vector<float> before = dice.floats(image.arena_floats);
      std::vector<float> wanted = before;
      Program(image, *ops::network_sets()[0]).run(wanted.data());
      for (const ops::NetworkSet* set : ops::network_sets()) {
        std::vector<float> arena = before;
        Program(image, *set).run(arena.data());
        if (code == Program::Code::quantise) {
          // Four bytes in a float are any number: they are equal, or wrong.
          require(std::memcmp(arena.data(), wanted.data(), arena.size() * sizeof(float)) == 0, "bytes that differ");
          continue;
        }
        for (std::size_t at = 0; at < arena.size(); ++at) {
          // The bound to the reference is tested in test/parity: this one is to see a wrong element.
          const bool are_both_nan = arena[at] != arena[at] && wanted[at] != wanted[at];
          if (are_both_nan || arena[at] == wanted[at]) continue;
          if (std::fabs(arena[at] - wanted[at]) <= 1e-4f * (1.0f + std::fabs(wanted[at]))) continue;
          throw Broken(std::string(set->name) + ", step " + std::to_string(static_cast<int>(code)) + ", case " +
                       std::to_string(index) + " differs at " + std::to_string(at));
        }
      }
    }
  }
}

REDLINE_TEST(kSuite, "words that lead out of arena or weights, or end too early, are refused") {
  Dice dice(12);
  for (const Program::Code code : kCodes) {
    for (int index = 0; index < 40; ++index) {
      const ProgramImage image = random_step(&dice, code);
      ProgramImage shorter = image;
      shorter.words.pop_back();
      require_failure("OP_ARGUMENT", [&] { Program(shorter, *ops::network_sets()[0]); });
      ProgramImage narrower = image;
      narrower.arena_floats -= 1;
      require_failure("OP_ARGUMENT", [&] { Program(narrower, *ops::network_sets()[0]); });
      if (image.weights.empty()) continue;
      ProgramImage lighter = image;
      lighter.weights.pop_back();
      require_failure("OP_ARGUMENT", [&] { Program(lighter, *ops::network_sets()[0]); });
    }
  }
}

REDLINE_TEST(kSuite, "random words are refused or run within their arena") {
  Dice dice(13);
  int ran = 0;
  for (int index = 0; index < 20'000; ++index) {
    ProgramImage image = random_step(&dice, kCodes[dice.below(Program::kCodes)]);
    for (int change = dice.below(3); change >= 0; --change) {
      auto& word = image.words[static_cast<std::size_t>(dice.below(static_cast<std::int32_t>(image.words.size())))];
      word = dice.below(4) == 0 ? static_cast<std::int32_t>(dice.below(INT32_MAX)) : dice.below(40) - 4;
    }
    std::vector<float> arena = dice.floats(image.arena_floats);
    try {
      Program(image, *ops::network_sets().back()).run(arena.data());
      ++ran;
    } catch (const Failure&) {
    }
  }
  require(ran > 100, "too few of the changed words were a program");
}

REDLINE_TEST(kSuite, "places of inputs and outputs that lead out are refused when a session opens") {
  Dice dice(14);
  ProgramOptions options;
  options.image = random_step(&dice, Program::Code::map);
  options.set = ops::network_sets()[0];
  const auto floats = static_cast<std::int64_t>(options.image.arena_floats);
  options.inputs = {TensorSpec{"x", Dtype::float32, {Dimension{floats / 2, {}}}}};
  options.outputs = {TensorSpec{"y", Dtype::float32, {Dimension{floats / 2, {}}}}};
  const auto last = static_cast<std::int32_t>(floats / 2);
  options.input_places = {0};
  options.output_places = {last};
  make_program_graph(options, 2);
  for (const std::int32_t place : {last + 1, INT32_MAX, -2}) {
    ProgramOptions wrong = options;
    wrong.output_places = {place};
    require_failure("OP_ARGUMENT", [&] { make_program_graph(wrong, 1); });
    wrong = options;
    wrong.input_places = {place};
    require_failure("OP_ARGUMENT", [&] { make_program_graph(wrong, 1); });
  }
  options.output_places = {-1};
  require_failure("OP_ARGUMENT", [&] { make_program_graph(options, 1); });
}

REDLINE_TEST(kSuite, "a session of a program runs as any other, and its slots do not touch each other") {
  ProgramOptions options;
  // map, 3 floats from place 0 to place 4, relu.
  options.image.words = {3, 0, 4, 3, 1, 0, 0, 0};
  options.image.arena_floats = 7;
  options.set = ops::network_sets().back();
  options.inputs = {TensorSpec{"x", Dtype::float32, {Dimension{3, {}}}}};
  options.outputs = {TensorSpec{"y", Dtype::float32, {Dimension{3, {}}}}};
  options.input_places = {0};
  options.output_places = {4};
  OpenRequest request;
  request.slots = 2;
  request.make = [options](std::size_t slots) { return make_program_graph(options, slots); };
  Caller caller;
  const auto session = caller.open(request);
  std::vector<float> in[] = {{-1, 2, -3}, {4, -5, 6}};
  std::vector<float> out[] = {{9, 9, 9}, {9, 9, 9}};
  const auto binding = [](std::vector<float>* memory) {
    Binding lent;
    lent.shape = {3};
    lent.data = memory->data();
    lent.bytes = memory->size() * sizeof(float);
    return lent;
  };
  for (std::size_t slot = 0; slot < 2; ++slot) {
    Host::instance().bind(caller.environment(), session->id(), slot, {binding(&in[slot])}, {binding(&out[slot])});
  }
  JobTimes second;
  second.slot = 1;
  const std::int64_t jobs[] = {caller.submit(*session), caller.submit(*session, second)};
  for (const std::int64_t job : jobs) {
    require_equal(static_cast<int>(caller.settlement(job).outcome), static_cast<int>(Outcome::done_ok), "outcome");
  }
  require(out[0] == std::vector<float>{0, 2, 0}, "the first slot's output");
  require(out[1] == std::vector<float>{4, 0, 6}, "the second slot's output");
  caller.close(session);
}

}  // namespace redline::check
