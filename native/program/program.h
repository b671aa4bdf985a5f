// Owns a small model as a list of ops over one arena: its words read and checked, its matrices packed, and its run.
// Knows no model file, no thread and no JavaScript. Invariant: what has been built reads and writes inside its arena only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ops/network_set.h"

namespace redline {

/// A program as it comes from runtime/programs: words as runtime/ops/network-steps.ts has them.
struct ProgramImage {
  std::vector<std::int32_t> words;
  std::vector<float> weights;
  std::size_t arena_floats = 0;
};

class Program {
 public:
  /// Throws Failure OP_ARGUMENT, naming the step and field, for words that are not a program of this arena.
  Program(const ProgramImage& image, const ops::NetworkSet& set);

  std::size_t arena_floats() const noexcept { return arena_floats_; }

  /// Runs every step. Two threads may run one program at once, each on an arena of its own.
  void run(float* arena) const noexcept;

  enum class Code : std::int32_t {
    affine = 1,
    lstm,
    map,
    combine,
    magnitude,
    move,
    constant,
    mean,
    gru,
    softmax,
    layer_norm,
    quantise,
    affine8,
    conv2d,
    depthwise,
    pool,
    elementary,
    select
  };
  static constexpr std::int32_t kCodes = 18;

  /// One step. Places are offsets in the arena; which fields a code has is read in `program.cc`.
  struct Step {
    Code code;
    std::int64_t fields[16];
    /// What it does to its sums, if it has any.
    ops::Curve curve;
    /// Where its packed matrix or its constants begin in the program's own memory, and its bias, scales and offsets.
    std::size_t matrix;
    std::size_t bias;
    std::size_t scales;
    std::size_t offsets;
  };

 private:
  void lay_out();
  void fill(const ProgramImage& image);
  void run_cell(const Step& step, float* arena) const noexcept;

  const ops::NetworkSet& set_;
  const std::size_t arena_floats_;
  std::vector<Step> steps_;
  std::vector<float> memory_;
  /// Floats before the first that lies on a cache line.
  std::size_t aligned_ = 0;
  /// As many zeros as the widest row of a kernel reads beside its image, and where they begin.
  std::size_t zeros_ = 0;
};

}  // namespace redline
