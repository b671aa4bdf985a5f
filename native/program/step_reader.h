// Owns the reading of one step's words: every place and every weight held against what there is. Knows no arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "program/program.h"

namespace redline {

class StepReader {
 public:
  explicit StepReader(const ProgramImage& image) : image_(image) {}

  bool has_more() const noexcept { return at_ < image_.words.size(); }
  std::size_t position() const noexcept { return step_; }

  /// Starts the next step. Throws Failure OP_ARGUMENT for a code that is none, or for words that end too early.
  Program::Step next();

 private:
  std::int64_t word(const char* name, std::int64_t least, std::int64_t most);
  void require_place(const char* name, std::int64_t place, std::int64_t before, std::int64_t length) const;
  void require_weights(const char* name, std::int64_t at, std::int64_t length) const;
  [[noreturn]] void refuse(const char* name, const std::string& expected) const;

  ops::Curve read_curve();
  void read_affine(Program::Step* step);
  void read_lstm(Program::Step* step);
  void read_map(Program::Step* step);
  void read_combine(Program::Step* step);
  void read_magnitude(Program::Step* step);
  void read_move(Program::Step* step);
  void read_constant(Program::Step* step);
  void read_mean(Program::Step* step);
  void read_gru(Program::Step* step);
  void read_rows(Program::Step* step);
  void read_quantise(Program::Step* step);
  void read_affine8(Program::Step* step);
  void read_windows(Program::Step* step);
  void read_elementary(Program::Step* step);
  void read_select(Program::Step* step);

  const ProgramImage& image_;
  std::size_t at_ = 0;
  std::size_t step_ = 0;
};

}  // namespace redline
