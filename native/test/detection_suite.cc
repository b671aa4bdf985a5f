// Owns the rules of gain, boxes, suppress and blur without JavaScript: every set writes the bits of the scalar one, in memory of
// exactly the size that is asked for; plans that lead out are refused.

#include <algorithm>
#include <vector>

#include "host/failure.h"
#include "ops/op_set.h"
#include "test/check.h"
#include "test/draw.h"

namespace redline::check {

namespace {

using ops::OpSet;

struct BoxesCase {
  std::vector<std::int32_t> words;
  std::vector<float> scores;
  std::vector<float> boxes;
  std::size_t capacity;
};

BoxesCase make_boxes(Random& random) {
  BoxesCase made;
  std::vector<std::int32_t>& words = made.words;
  words.assign(28, 0);
  const std::int32_t anchors = random.below(4) == 0 ? 120 + random.below(150) : random.side();
  const std::int32_t classes = random.side();
  const std::int32_t objectness = random.below(2);
  const std::int32_t fields = classes + objectness;
  const bool is_fields_first = random.below(2) == 1;
  words[0] = 0x31584f42;
  words[2] = anchors;
  words[3] = classes > 1 ? random.below(2) : 0;
  words[4] = classes;
  words[5] = 4 * anchors;
  words[6] = fields * anchors;
  words[7] = is_fields_first ? 1 : 4;
  words[8] = is_fields_first ? anchors : 1;
  words[9] = is_fields_first ? 1 : fields;
  words[10] = is_fields_first ? anchors : 1;
  words[11] = objectness == 1 ? 0 : -1;
  words[12] = objectness * words[10];
  for (std::size_t word = 13; word < 18; ++word) words[word] = random.below(2);
  words[14] = random.below(3);
  words[18] = bits_of(0.25f);
  for (std::size_t word = 19; word < 27; ++word) words[word] = bits_of(0.1f + random.unit());
  words[27] = static_cast<std::int32_t>(words.size());
  for (std::int32_t prior = 0; prior < 4 * anchors; ++prior) words.push_back(bits_of(random.unit()));
  words[1] = static_cast<std::int32_t>(words.size());
  made.scores = random.scores(static_cast<std::size_t>(words[6]));
  made.boxes = random.scores(static_cast<std::size_t>(words[5]));
  made.capacity = static_cast<std::size_t>(random.below(anchors + 1));
  return made;
}

/// The rows that were written, and how many there are.
std::vector<float> run_boxes(const OpSet& set, const BoxesCase& given) {
  const ops::BoxesPlan plan = ops::read_boxes_plan(given.words.data(), given.words.size());
  std::vector<float> out(6 * given.capacity);
  const std::size_t count = set.boxes(plan, given.scores.data(), given.boxes.data(), out.data(), given.capacity);
  out.push_back(static_cast<float>(count));
  return out;
}

}  // namespace

REDLINE_TEST("ops", "every set holds the samples that the scalar one holds") {
  Random random(10);
  for (int index = 0; index < kCases; ++index) {
    const std::vector<float> samples = random.scores(static_cast<std::size_t>(random.side()));
    const float by = random.score();
    const float limit = 0.1f + random.unit();
    std::vector<float> wanted(samples.size());
    const std::size_t held = scalar().gain(samples.data(), samples.size(), wanted.data(), by, limit);
    for (const OpSet* set : ops::op_sets()) {
      std::vector<float> out(samples.size());
      require_equal(set->gain(samples.data(), samples.size(), out.data(), by, limit), held, set->name);
      require_same(out, wanted, std::string(set->name) + ", gain " + std::to_string(index));
    }
  }
}

REDLINE_TEST("ops", "every set finds the boxes that the scalar one finds") {
  Random random(11);
  for (int index = 0; index < kCases; ++index) {
    const BoxesCase one = make_boxes(random);
    const std::vector<float> wanted = run_boxes(scalar(), one);
    for (const OpSet* set : ops::op_sets()) {
      require_same(run_boxes(*set, one), wanted, std::string(set->name) + ", boxes " + std::to_string(index));
    }
  }
}

REDLINE_TEST("ops", "a boxes plan with any word changed is refused or stays inside its memory") {
  Random random(12);
  constexpr std::int32_t kValues[] = {-1, 0, 1, 2, 3, 4, 5, 28, 64, 4096, 262144, 1 << 24, INT32_MAX, INT32_MIN};
  int refused = 0;
  for (int index = 0; index < 4 * kCases; ++index) {
    BoxesCase one = make_boxes(random);
    one.words[static_cast<std::size_t>(random.below(28))] = kValues[random.below(14)];
    try {
      const ops::BoxesPlan plan = ops::read_boxes_plan(one.words.data(), one.words.size());
      if (plan.boxes_length != static_cast<std::int64_t>(one.boxes.size()) ||
          plan.scores_length != static_cast<std::int64_t>(one.scores.size())) {
        throw Failure("OP_ARGUMENT", "views");
      }
      for (const OpSet* set : ops::op_sets()) run_boxes(*set, one);
    } catch (const Failure&) {
      ++refused;
    }
  }
  require(refused > kCases, "hardly any was refused");
}

REDLINE_TEST("ops", "every set keeps the boxes that the scalar one keeps") {
  Random random(13);
  for (int index = 0; index < kCases; ++index) {
    const auto count = static_cast<std::size_t>(random.below(90));
    std::vector<float> rows;
    for (std::size_t row = 0; row < count; ++row) {
      const float left = static_cast<float>(random.below(30));
      const float top = static_cast<float>(random.below(30));
      const float right = left + static_cast<float>(random.below(20));
      const float bottom = top + static_cast<float>(random.below(20));
      for (const float field : {left, top, right, bottom, static_cast<float>(random.below(9)),
                                static_cast<float>(random.below(3))}) {
        rows.push_back(random.below(40) == 0 ? random.score() : field);
      }
    }
    const auto keep = static_cast<std::size_t>(1 + random.below(40));
    const float overlap = random.unit();
    const bool is_together = random.below(2) == 1;
    const auto run = [&](const OpSet& set) {
      std::vector<float> out(6 * keep);
      std::vector<std::int32_t> order(count);
      std::vector<float> kept(6 * (keep + 8));
      const std::size_t found =
          set.suppress({rows.data(), count, out.data(), keep, order.data(), kept.data(), overlap, is_together});
      out.push_back(static_cast<float>(found));
      return out;
    };
    const std::vector<float> wanted = run(scalar());
    for (const OpSet* set : ops::op_sets()) {
      require_same(run(*set), wanted, std::string(set->name) + ", suppress " + std::to_string(index));
    }
  }
}

REDLINE_TEST("ops", "every set blurs the regions that the scalar one blurs") {
  Random random(14);
  constexpr std::int32_t kOdd[] = {INT32_MIN, INT32_MAX, -1, 0};
  for (int index = 0; index < kCases; ++index) {
    ops::BlurCall call{};
    call.width = random.side();
    call.height = random.side();
    call.channels = 3 + random.below(2);
    call.stride = call.width * call.channels + random.below(5);
    call.radius = random.below(9) == 0 ? 255 : 1 + random.below(9);
    call.passes = 1 + random.below(2);
    std::vector<std::int32_t> regions(static_cast<std::size_t>(4 * random.below(4)));
    for (std::int32_t& side : regions) side = random.below(20) == 0 ? kOdd[random.below(4)] : random.below(70) - 4;
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>((call.height - 1) * call.stride +
                                                              call.width * call.channels));
    for (std::uint8_t& byte : pixels) byte = static_cast<std::uint8_t>(random.below(256));
    const auto row_bytes = static_cast<std::size_t>(call.width * call.channels);
    const auto run = [&](const OpSet& set) {
      std::vector<std::uint8_t> image = pixels;
      std::vector<float> row_sums(row_bytes + static_cast<std::size_t>((2 * call.radius + 1) * call.channels));
      std::vector<float> column_sums(row_bytes);
      std::vector<std::uint8_t> rows(static_cast<std::size_t>(call.radius + 1) * row_bytes);
      ops::BlurCall own = call;
      own.region = regions.data();
      own.regions = regions.size() / 4;
      own.image = image.data();
      own.row_sums = row_sums.data();
      own.column_sums = column_sums.data();
      own.rows = rows.data();
      set.blur(own);
      return image;
    };
    const std::vector<std::uint8_t> wanted = run(scalar());
    for (const OpSet* set : ops::op_sets()) {
      require_same(run(*set), wanted, std::string(set->name) + ", blur " + std::to_string(index));
    }
  }
}

}  // namespace redline::check
