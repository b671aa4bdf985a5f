// Owns the steps that are no work for lanes: strided copies, means, logarithms and roots, softmax, layer normalisation. Knows no word.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace redline {

/// Fields in the order of step_reader.cc.
inline void move_rows(float* arena, const std::int64_t* fields) noexcept {
  for (std::int64_t row = 0; row < fields[2]; ++row) {
    const float* from = arena + fields[0] + row * fields[4];
    float* to = arena + fields[1] + row * fields[6];
    for (std::int64_t column = 0; column < fields[3]; ++column) to[column * fields[7]] = from[column * fields[5]];
  }
}

inline void mean_of_rows(float* arena, const std::int64_t* fields) noexcept {
  float* output = arena + fields[1];
  for (std::int64_t column = 0; column < fields[3]; ++column) {
    float sum = 0;
    for (std::int64_t row = 0; row < fields[2]; ++row) sum += arena[fields[0] + row * fields[4] + column];
    output[column] = sum / static_cast<float>(fields[2]);
  }
}

/// A logarithm or a root of each number.
inline void elementary_of(float* arena, const std::int64_t* fields) noexcept {
  const float* input = arena + fields[0];
  float* output = arena + fields[1];
  for (std::int64_t i = 0; i < fields[2]; ++i) output[i] = fields[3] == 1 ? std::sqrt(input[i]) : std::log(input[i]);
}

inline void softmax_rows(float* arena, const std::int64_t* fields) noexcept {
  for (std::int64_t row = 0; row < fields[2]; ++row) {
    const float* input = arena + fields[0] + row * fields[3];
    float* output = arena + fields[1] + row * fields[3];
    float largest = input[0];
    for (std::int64_t i = 0; i < fields[3]; ++i) largest = input[i] > largest || largest != largest ? input[i] : largest;
    float sum = 0;
    for (std::int64_t i = 0; i < fields[3]; ++i) {
      output[i] = std::exp(input[i] - largest);
      sum += output[i];
    }
    for (std::int64_t i = 0; i < fields[3]; ++i) output[i] /= sum;
  }
}

inline void normalise_rows(float* arena, const std::int64_t* fields, const float* factors, const float* bias) noexcept {
  const auto word = static_cast<std::int32_t>(fields[6]);
  float epsilon;
  std::memcpy(&epsilon, &word, sizeof(epsilon));
  const auto columns = static_cast<double>(fields[3]);
  for (std::int64_t row = 0; row < fields[2]; ++row) {
    const float* input = arena + fields[0] + row * fields[3];
    float* output = arena + fields[1] + row * fields[3];
    double sum = 0;
    for (std::int64_t i = 0; i < fields[3]; ++i) sum += input[i];
    const double average = sum / columns;
    double squares = 0;
    for (std::int64_t i = 0; i < fields[3]; ++i) squares += (input[i] - average) * (input[i] - average);
    const double factor = 1 / std::sqrt(squares / columns + epsilon);
    for (std::int64_t i = 0; i < fields[3]; ++i) {
      output[i] = static_cast<float>((input[i] - average) * factor * factors[i] + bias[i]);
    }
  }
}

}  // namespace redline
