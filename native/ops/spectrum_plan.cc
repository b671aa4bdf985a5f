// Owns the checks of a spectrum plan's block: frames within the samples, tables and scratch memory within the block.

#include "ops/spectrum_plan.h"

#include <string>

#include "host/failure.h"

namespace redline::ops {

namespace {

constexpr std::int32_t kMark = 0x31435053;
constexpr std::int64_t kHeadWords = 35;
constexpr std::int32_t kSamplesMax = 16777216;
constexpr std::int32_t kPointsMax = 8192;
constexpr std::int32_t kBandsMax = 512;
constexpr std::int64_t kFrameLead = 8;
constexpr std::int64_t kTaps = 8;

[[noreturn]] void refuse(const std::string& why) { throw Failure("OP_ARGUMENT", "words: " + why); }

class Block {
 public:
  /// Tables lie between the head and the scratch memory, which is all that is written.
  Block(std::int32_t* words, std::int64_t scratch) : words_(words), scratch_(scratch) {}

  std::int32_t whole(std::size_t at, std::int32_t first, std::int32_t last) const {
    const std::int32_t value = words_[at];
    if (value >= first && value <= last) return value;
    refuse("word " + std::to_string(at) + " is " + std::to_string(value));
  }

  float number(std::size_t at) const { return reinterpret_cast<const float*>(words_)[at]; }

  const std::int32_t* table(std::size_t head, std::int64_t size) const {
    const std::int64_t at = words_[head];
    if (at < kHeadWords || at + size > scratch_) refuse("a table outside the block");
    return words_ + at;
  }

  const float* floats(std::size_t head, std::int64_t size) const {
    return reinterpret_cast<const float*>(table(head, size));
  }

 private:
  std::int32_t* words_;
  std::int64_t scratch_;
};

/// Answers the floats of all passes' roots.
std::int64_t read_passes(const Block& block, SpectrumPlan* plan) {
  std::int32_t rest = plan->points / 2;
  std::int64_t roots = 0;
  for (std::size_t index = 0; index < 8 && rest > 1; ++index) {
    const std::int32_t radix = block.whole(12 + index, 2, 8);
    const bool is_one = radix == 2 || radix == 4 || radix == 5 || radix == 8;
    if (!is_one || rest % radix != 0 || (index == 0 && radix != 8)) refuse("a pass of no radix");
    plan->radices[index] = radix;
    plan->passes = static_cast<int>(index) + 1;
    rest /= radix;
    if (rest > 1) roots += 2 * static_cast<std::int64_t>(radix - 1) * rest;
  }
  if (rest != 1) refuse("passes that do not make the transform");
  return roots;
}

/// Every frame lies inside the samples, or is filled up by what does.
void require_frames(const SpectrumPlan& plan) {
  const std::int64_t end = plan.start + (plan.frames - 1) * plan.hop + plan.frame_samples;
  const bool is_inside = plan.start >= 0 && end <= plan.samples;
  const bool is_mirrored = -plan.start < plan.samples && end - plan.samples < plan.samples;
  if (is_inside || plan.edges == Edges::zeros || (plan.edges == Edges::reflect && is_mirrored)) return;
  refuse("a frame outside the samples");
}

void read_bands(const Block& block, SpectrumPlan* plan, std::int64_t count) {
  plan->bands = block.whole(25, 0, kBandsMax);
  plan->band_rows = block.table(26, 3 * static_cast<std::int64_t>(plan->bands));
  std::int64_t weights = 0;
  for (std::int32_t band = 0; band < plan->bands; ++band) {
    const std::int32_t* row = plan->band_rows + 3 * band;
    const bool is_within = row[0] >= 0 && row[1] >= 0 && row[1] <= kPointsMax && row[1] % kTaps == 0 &&
                           static_cast<std::int64_t>(row[0]) + row[1] <= plan->points / 2 + kTaps && row[2] >= 0 &&
                           row[2] < count;
    if (!is_within) refuse("a band outside the bins");
    const std::int64_t end = static_cast<std::int64_t>(row[2]) + row[1];
    weights = end > weights ? end : weights;
  }
  plan->band_weights = block.floats(27, weights);
  plan->is_bands_first = block.whole(28, 0, 1) == 1;
  plan->floor = block.number(29);
  plan->log_factor = block.number(30);
  plan->range = block.number(31);
  plan->gain = block.number(32);
  plan->bias = block.number(33);
}

}  // namespace

SpectrumPlan read_spectrum_plan(std::int32_t* words, std::size_t count) {
  if (count < static_cast<std::size_t>(kHeadWords) || words[0] != kMark ||
      words[1] != static_cast<std::int64_t>(count)) {
    refuse("not the block of a spectrum plan");
  }
  const std::int64_t scratch = words[34];
  if (scratch < kHeadWords || scratch > words[1]) refuse("scratch memory outside the block");
  const Block block(words, scratch);
  SpectrumPlan plan;
  plan.samples = block.whole(2, 1, kSamplesMax);
  plan.is_integer = block.whole(3, 0, 1) == 1;
  plan.frames = block.whole(4, 1, kSamplesMax + 1);
  plan.hop = block.whole(5, 1, kSamplesMax);
  plan.points = block.whole(7, 16, kPointsMax);
  plan.frame_samples = block.whole(6, 2, plan.points);
  plan.start = block.whole(8, -kPointsMax, 0);
  plan.edges = static_cast<Edges>(block.whole(9, 0, 2));
  plan.removes_mean = block.whole(10, 0, 1) == 1;
  plan.is_power = block.whole(11, 0, 1) == 1;
  plan.scale = block.number(20);
  plan.pre_emphasis = block.number(21);
  if (plan.points % 16 != 0) refuse("points that are no multiple of 16");
  const std::int64_t roots = read_passes(block, &plan);
  require_frames(plan);
  plan.window = block.floats(22, plan.frame_samples);
  plan.twiddles = block.floats(23, roots);
  plan.splits = block.floats(24, plan.points);
  read_bands(block, &plan, words[1]);
  const std::int64_t points = plan.points;
  const std::int64_t needed = kFrameLead + 4 * points + points / 2 + kTaps + plan.bands;
  if (scratch + needed > words[1]) refuse("too little scratch memory");
  plan.frame = reinterpret_cast<float*>(words + scratch + kFrameLead);
  plan.signal = plan.frame + points;
  plan.halves = plan.signal + points;
  plan.bins = plan.halves + 2 * points;
  plan.logs = plan.bins + points / 2 + kTaps;
  return plan;
}

}  // namespace redline::ops
