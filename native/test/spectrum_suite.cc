// Owns the rules of stft and log-mel without JavaScript: every set writes the bits of the scalar one, in memory of exactly the
// size that is asked for; plans that lead out are refused.

#include <algorithm>
#include <vector>

#include "host/failure.h"
#include "ops/op_set.h"
#include "test/check.h"
#include "test/draw.h"

namespace redline::check {

namespace {

using ops::OpSet;

struct SpectrumCase {
  std::vector<std::int32_t> words;
  std::vector<float> samples;
  std::vector<std::int16_t> whole_samples;

  const void* view() const {
    return words[3] == 1 ? static_cast<const void*>(whole_samples.data()) : static_cast<const void*>(samples.data());
  }
};

/// Appends a table of random floats and says in the head where it begins.
void add_floats(Random& random, std::vector<std::int32_t>* words, std::size_t head, std::int32_t count) {
  (*words)[head] = static_cast<std::int32_t>(words->size());
  for (std::int32_t i = 0; i < count; ++i) words->push_back(bits_of(random.unit() - 0.5f));
}

/// Sets the radices of a transform and answers how many floats its roots take.
std::int32_t set_passes(std::vector<std::int32_t>* words, std::int32_t points) {
  std::int32_t rest = points / 2;
  std::int32_t roots = 0;
  std::size_t at = 12;
  for (const std::int32_t radix : {8, 5, 5, 8, 8, 4, 2}) {
    if (rest % radix != 0 || rest == 1) continue;
    (*words)[at] = radix;
    ++at;
    rest /= radix;
    if (rest > 1) roots += 2 * (radix - 1) * rest;
  }
  return roots;
}

SpectrumCase make_spectrum(Random& random, bool is_mel) {
  constexpr std::int32_t kPoints[] = {16, 32, 64, 80, 128, 256, 400, 512};
  SpectrumCase made;
  std::vector<std::int32_t>& words = made.words;
  words.assign(35, 0);
  const std::int32_t points = kPoints[random.below(8)];
  const std::int32_t frame = 2 + random.below(points - 1);
  const std::int32_t frames = 1 + random.below(4);
  const std::int32_t hop = 1 + random.below(frame);
  words[0] = 0x31435053;
  words[3] = random.below(2);
  words[4] = frames;
  words[5] = hop;
  words[6] = frame;
  words[7] = points;
  words[9] = random.below(3);
  words[8] = words[9] == 0 ? 0 : -((frame + 1) / 2);
  words[2] = std::max(words[8] + (frames - 1) * hop + frame, words[9] == 1 ? 1 - words[8] : 1);
  words[10] = random.below(2);
  words[11] = random.below(2);
  const std::int32_t roots = set_passes(&words, points);
  words[20] = bits_of(random.below(2) == 0 ? 1.0f : 32768.0f);
  words[21] = bits_of(random.unit());
  add_floats(random, &words, 22, frame);
  add_floats(random, &words, 23, roots);
  add_floats(random, &words, 24, points);
  const std::int32_t bands = is_mel ? random.side() : 0;
  words[25] = bands;
  words[26] = static_cast<std::int32_t>(words.size());
  std::int32_t weights = 0;
  for (std::int32_t band = 0; band < bands; ++band) {
    const std::int32_t taps = 8 * random.below(points / 16 + 1);
    words.push_back(random.below(points / 2 + 9 - taps));
    words.push_back(taps);
    words.push_back(weights);
    weights += taps;
  }
  add_floats(random, &words, 27, weights);
  words[28] = random.below(2);
  words[29] = bits_of(1e-10f);
  words[30] = bits_of(random.unit());
  words[31] = bits_of(random.below(2) == 0 ? 0.0f : 8.0f);
  words[32] = bits_of(random.unit());
  words[33] = bits_of(random.unit());
  words[34] = static_cast<std::int32_t>(words.size());
  words.resize(words.size() + static_cast<std::size_t>(8 + 4 * points + points / 2 + 8 + bands), 0);
  words[1] = static_cast<std::int32_t>(words.size());
  const auto samples = static_cast<std::size_t>(words[2]);
  if (words[3] == 0) made.samples = random.scores(samples);
  if (words[3] == 1) made.whole_samples.resize(samples);
  for (std::int16_t& sample : made.whole_samples) sample = static_cast<std::int16_t>(random.below(65536) - 32768);
  return made;
}

std::vector<float> run_spectrum(const OpSet& set, const SpectrumCase& given) {
  std::vector<std::int32_t> words = given.words;
  const ops::SpectrumPlan plan = ops::read_spectrum_plan(words.data(), words.size());
  std::vector<float> out(plan.elements());
  (plan.bands > 0 ? set.log_mel : set.stft)(plan, given.view(), out.data());
  return out;
}

}  // namespace

REDLINE_TEST("ops", "every set gives the spectra and the mel bands that the scalar one gives") {
  Random random(8);
  for (int index = 0; index < 2 * kCases; ++index) {
    const SpectrumCase one = make_spectrum(random, index % 2 == 1);
    const std::vector<float> wanted = run_spectrum(scalar(), one);
    for (const OpSet* set : ops::op_sets()) {
      require_same(run_spectrum(*set, one), wanted, std::string(set->name) + ", spectrum " + std::to_string(index));
    }
  }
}

REDLINE_TEST("ops", "a spectrum plan with any word changed is refused or stays inside its memory") {
  Random random(9);
  constexpr std::int32_t kValues[] = {-1, 0, 1, 2, 3, 5, 7, 8, 16, 40, 400, 16384, 1 << 24, INT32_MAX, INT32_MIN};
  int refused = 0;
  for (int index = 0; index < 4 * kCases; ++index) {
    SpectrumCase one = make_spectrum(random, index % 2 == 1);
    const std::size_t range = random.below(2) == 0 ? 35 : one.words.size();
    const std::int32_t samples = one.words[2];
    const std::int32_t is_integer = one.words[3];
    one.words[static_cast<std::size_t>(random.below(static_cast<std::int32_t>(range)))] = kValues[random.below(15)];
    try {
      const ops::SpectrumPlan plan = ops::read_spectrum_plan(one.words.data(), one.words.size());
      if (plan.samples != samples || one.words[3] != is_integer) throw Failure("OP_ARGUMENT", "samples");
      if (plan.elements() > (1u << 18)) continue;
      for (const OpSet* set : ops::op_sets()) run_spectrum(*set, one);
    } catch (const Failure&) {
      ++refused;
    }
  }
  require(refused > kCases, "hardly any was refused");
}

}  // namespace redline::check
