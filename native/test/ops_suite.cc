// Owns the rules of the ops without JavaScript: every set writes the bits of the scalar one, in memory of exactly the size
// that is asked for, so that a sanitizer sees a byte too many; plans that lead out are refused.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "host/failure.h"
#include "ops/op_set.h"
#include "test/check.h"
#include "test/draw.h"

namespace redline::check {

namespace {

using ops::Element;
using ops::OpSet;

constexpr std::size_t kImageHead = 47;

/// A plan of random tables that hold what a plan must hold, and the bytes it reaches.
struct ImageCase {
  std::vector<std::int32_t> words;
  std::vector<std::uint8_t> source;
};

/// Appends one axis and answers its farthest offset.
std::int64_t add_axis(Random& random, std::vector<std::int32_t>* words, std::size_t head, std::int32_t count,
                      bool is_area, std::int32_t stride) {
  const std::int32_t taps = is_area ? 1 + random.below(4) : 2;
  std::vector<std::int32_t> offsets(static_cast<std::size_t>(taps * count));
  for (std::int32_t tap = 0; tap < taps; ++tap) {
    for (std::int32_t i = 0; i < count; ++i) {
      std::int32_t least = 0;
      if (i > 0) least = offsets[static_cast<std::size_t>(tap * count + i - 1)];
      if (tap > 0) least = std::max(least, offsets[static_cast<std::size_t>((tap - 1) * count + i)]);
      offsets[static_cast<std::size_t>(tap * count + i)] = least + stride * random.below(3);
    }
  }
  (*words)[head] = taps;
  (*words)[head + 1] = static_cast<std::int32_t>(words->size());
  words->insert(words->end(), offsets.begin(), offsets.end());
  (*words)[head + 2] = static_cast<std::int32_t>(words->size());
  for (std::int32_t i = 0; i < (is_area ? taps : 1) * count; ++i) words->push_back(bits_of(random.unit()));
  return offsets.back();
}

ImageCase make_image(Random& random) {
  ImageCase made;
  std::vector<std::int32_t>& words = made.words;
  words.assign(kImageHead, 0);
  const bool is_planes = random.below(2) == 1;
  const bool is_area = random.below(3) == 0;
  const std::int32_t width = random.side();
  const std::int32_t height = random.side();
  const std::int32_t left = random.below(width);
  const std::int32_t top = random.below(height);
  const std::int32_t across = 1 + random.below(width - left);
  const std::int32_t down = 1 + random.below(height - top);
  words[0] = 0x31474d49;
  words[2] = is_planes ? 1 : 0;
  words[4] = width;
  words[5] = height;
  words[6] = left;
  words[7] = top;
  words[8] = across;
  words[9] = down;
  words[10] = random.below(2);
  words[11] = random.below(4);
  words[12] = is_area ? 1 : 0;
  std::int64_t last = add_axis(random, &words, 13, across, is_area, is_planes ? 1 : 3) +
                      add_axis(random, &words, 16, down, is_area, 50);
  if (is_planes) {
    const std::int64_t chroma = add_axis(random, &words, 19, across, is_area, 2) +
                                add_axis(random, &words, 22, down, is_area, 40);
    words[28] = random.below(100);
    words[29] = random.below(2) == 0 ? words[28] + 1 : random.below(100);
    last = std::max(last, chroma + std::max(words[28], words[29]));
  } else {
    for (std::size_t channel = 0; channel < 3; ++channel) words[25 + channel] = random.below(3);
    last += 2;
  }
  for (std::size_t word = 30; word < kImageHead; ++word) words[word] = bits_of((random.unit() - 0.5f) * 4);
  words[1] = static_cast<std::int32_t>(words.size());
  words[3] = static_cast<std::int32_t>(last + 1);
  made.source.resize(static_cast<std::size_t>(last + 1));
  for (std::uint8_t& byte : made.source) byte = static_cast<std::uint8_t>(random.below(256));
  return made;
}

std::vector<std::uint8_t> run_image(const OpSet& set, const ImageCase& given) {
  const ops::ImagePlan plan = ops::read_image_plan(given.words.data(), given.words.size());
  std::vector<std::uint8_t> out(plan.elements() * ops::element_bytes(plan.element), 0xa5);
  set.image(plan, given.source.data(), out.data());
  return out;
}

}  // namespace

REDLINE_TEST("ops", "every set writes the image that the scalar one writes") {
  Random random(1);
  for (int index = 0; index < kCases; ++index) {
    const ImageCase one = make_image(random);
    const std::vector<std::uint8_t> wanted = run_image(scalar(), one);
    for (const OpSet* set : ops::op_sets()) {
      require_same(run_image(*set, one), wanted, std::string(set->name) + ", image " + std::to_string(index));
    }
  }
}

REDLINE_TEST("ops", "an image plan with any word changed is refused or stays inside its memory") {
  Random random(2);
  constexpr std::int32_t kValues[] = {-1, 0, 1, 2, 3, 46, 47, 200, 16384, 16385, 1 << 24, INT32_MAX, INT32_MIN};
  int refused = 0;
  for (int index = 0; index < 4 * kCases; ++index) {
    ImageCase one = make_image(random);
    const std::size_t range = random.below(2) == 0 ? 30 : one.words.size();
    one.words[static_cast<std::size_t>(random.below(static_cast<std::int32_t>(range)))] = kValues[random.below(13)];
    try {
      const ops::ImagePlan plan = ops::read_image_plan(one.words.data(), one.words.size());
      if (plan.source_bytes > static_cast<std::int64_t>(one.source.size())) throw Failure("OP_ARGUMENT", "source");
      if (plan.elements() > (1u << 20)) continue;
      for (const OpSet* set : ops::op_sets()) run_image(*set, one);
    } catch (const Failure&) {
      ++refused;
    }
  }
  require(refused > kCases, "hardly any was refused");
}

REDLINE_TEST("ops", "every set gives the margins that the scalar one gives") {
  Random random(3);
  for (int index = 0; index < kCases; ++index) {
    const auto pixels = static_cast<std::size_t>(random.side() * random.side());
    const std::vector<float> scores = random.scores(2 * pixels);
    const bool is_logits = random.below(2) == 1;
    std::vector<float> wanted(pixels);
    std::vector<double> wanted_totals(2);
    scalar().margins(scores.data(), pixels, wanted.data(), wanted_totals.data(), is_logits);
    for (const OpSet* set : ops::op_sets()) {
      std::vector<float> margins(pixels);
      std::vector<double> totals(2);
      set->margins(scores.data(), pixels, margins.data(), totals.data(), is_logits);
      require_same(margins, wanted, std::string(set->name) + ", margins " + std::to_string(index));
      require_same(totals, wanted_totals, std::string(set->name) + ", totals " + std::to_string(index));
    }
  }
}

REDLINE_TEST("ops", "every set gives the mask that the scalar one gives") {
  Random random(4);
  for (int index = 0; index < kCases; ++index) {
    const std::int32_t grid_width = random.side();
    const std::int32_t grid_height = random.side();
    const std::int32_t width = random.side();
    const std::int32_t height = random.side();
    std::vector<std::int32_t> words(11);
    const auto table = [&words](std::size_t head, std::int32_t count, auto make) {
      words[head] = static_cast<std::int32_t>(words.size());
      for (std::int32_t i = 0; i < count; ++i) words.push_back(make());
    };
    table(6, 2 * width, [&] { return random.below(grid_width); });
    table(7, width, [&] { return bits_of(random.unit()); });
    table(8, 2 * height, [&] { return grid_width * random.below(grid_height); });
    table(9, height, [&] { return bits_of(random.unit()); });
    table(10, grid_width, [] { return 0; });
    const std::int32_t head[] = {0x314b534d, static_cast<std::int32_t>(words.size()), grid_width, grid_height, width,
                                 height};
    std::copy(std::begin(head), std::end(head), words.begin());
    const std::vector<float> margins = random.scores(static_cast<std::size_t>(grid_width * grid_height));
    std::vector<std::uint8_t> wanted(static_cast<std::size_t>(width * height), 7);
    scalar().mask(ops::read_mask_plan(words.data(), words.size()), margins.data(), wanted.data());
    for (const OpSet* set : ops::op_sets()) {
      std::vector<std::uint8_t> mask(wanted.size(), 9);
      set->mask(ops::read_mask_plan(words.data(), words.size()), margins.data(), mask.data());
      require_same(mask, wanted, std::string(set->name) + ", mask " + std::to_string(index));
    }
  }
}

REDLINE_TEST("ops", "every set finds the runs that the scalar one finds") {
  Random random(5);
  for (int index = 0; index < kCases; ++index) {
    const auto width = static_cast<std::size_t>(random.side());
    const auto height = static_cast<std::size_t>(random.side());
    std::vector<float> margins(width * height);
    for (float& margin : margins) margin = random.below(9) == 0 ? std::nanf("") : random.unit() - 0.5f;
    const auto capacity = static_cast<std::size_t>(random.below(20));
    std::vector<double> wanted(4 * capacity);
    const std::size_t count = scalar().runs(margins.data(), width, height, wanted.data(), capacity);
    for (const OpSet* set : ops::op_sets()) {
      std::vector<double> runs(4 * capacity);
      require_equal(set->runs(margins.data(), width, height, runs.data(), capacity), count, set->name);
      require_same(runs, wanted, std::string(set->name) + ", runs " + std::to_string(index));
    }
  }
}

REDLINE_TEST("ops", "every set resamples as the scalar one does") {
  Random random(6);
  for (int index = 0; index < kCases; ++index) {
    ops::ResampleCall call{};
    call.taps = random.side();
    call.up = 1 + random.below(40);
    call.down = 1 + random.below(120);
    call.phases = random.below(2) == 0 ? call.up : 1 + random.below(32);
    call.start = random.below(9);
    call.fraction = random.below(static_cast<std::int32_t>(call.up));
    call.outputs = static_cast<std::size_t>(1 + random.below(40));
    const auto last = static_cast<std::int64_t>(call.outputs - 1);
    const std::int64_t samples = call.start + (call.fraction + last * call.down) / call.up + call.taps;
    const std::vector<float> table = random.scores(static_cast<std::size_t>((call.phases + 1) * call.taps));
    const std::vector<float> input = random.scores(static_cast<std::size_t>(samples));
    std::vector<float> wanted(call.outputs);
    call.table = table.data();
    call.input = input.data();
    call.output = wanted.data();
    scalar().resample(call);
    for (const OpSet* set : ops::op_sets()) {
      std::vector<float> output(call.outputs);
      call.output = output.data();
      set->resample(call);
      require_same(output, wanted, std::string(set->name) + ", resampled " + std::to_string(index));
    }
  }
}

REDLINE_TEST("ops", "every set measures the level that the scalar one measures") {
  Random random(7);
  for (int index = 0; index < kCases; ++index) {
    const auto count = static_cast<std::size_t>(random.below(4) == 0 ? 250 + random.below(600) : random.side());
    const std::vector<float> samples = random.scores(count);
    std::vector<double> wanted(5);
    ops::LevelCall call{samples.data(), count, wanted.data(), random.unit(), random.score(), 0.5};
    scalar().level(call);
    for (const OpSet* set : ops::op_sets()) {
      std::vector<double> stats(5);
      call.stats = stats.data();
      set->level(call);
      require_same(stats, wanted, std::string(set->name) + ", level " + std::to_string(index));
    }
  }
}

}  // namespace redline::check
