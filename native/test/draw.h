// Owns what the ops' tests draw their cases from, and the comparison of what two sets wrote. Knows no op.
// Invariant: the same seed draws the same, with every standard library.
#pragma once

#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "ops/op_set.h"
#include "test/check.h"

namespace redline::check {

constexpr int kCases = 500;

inline const ops::OpSet& scalar() { return *ops::op_sets().front(); }

class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}

  std::int32_t below(std::int32_t count) {
    return static_cast<std::int32_t>(engine_() % static_cast<std::uint32_t>(count));
  }
  float unit() { return static_cast<float>(engine_() >> 8) / 16777216.0f; }
  std::int32_t side() {
    constexpr std::int32_t kSides[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 64};
    return kSides[below(16)];
  }
  float score() {
    constexpr float kOdd[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity(), 0.0f, -0.0f, 1e-45f, 3e38f, -3e38f};
    return below(20) == 0 ? kOdd[below(8)] : (unit() - 0.5f) * 40.0f;
  }
  std::vector<float> scores(std::size_t count) {
    std::vector<float> found(count);
    for (float& value : found) value = score();
    return found;
  }

 private:
  std::mt19937 engine_;
};

/// NaN has many bits, and which come out is no promise.
template <typename Number>
void require_same(const std::vector<Number>& received, const std::vector<Number>& wanted, const std::string& what) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool are_both_nan = received[i] != received[i] && wanted[i] != wanted[i];
    if (are_both_nan || std::memcmp(&received[i], &wanted[i], sizeof(Number)) == 0) continue;
    throw Broken(what + " differs at " + std::to_string(i));
  }
}

inline std::int32_t bits_of(float value) {
  std::int32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

}  // namespace redline::check
