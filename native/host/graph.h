// Owns the port of one opened graph: bind a slot's memory, run it, ask it to stop.
// Knows no lane. Invariant: one slot is bound, run and read by one thread at a time; only `request_stop` may overlap a run.
#pragma once

#include <string>
#include <vector>

#include "host/tensor.h"

namespace redline {

class Graph {
 public:
  virtual ~Graph() = default;

  virtual const std::vector<TensorSpec>& inputs() const noexcept = 0;
  virtual const std::vector<TensorSpec>& outputs() const noexcept = 0;

  /// Takes memory for a slot; throws Failure when it does not fit. The slot keeps its old binding then.
  virtual void bind(std::size_t slot, std::vector<Binding> inputs, std::vector<Binding> outputs) = 0;
  virtual void unbind(std::size_t slot) noexcept = 0;

  /// Runs a slot to its end. False with a message when the run failed or was stopped.
  virtual bool run(std::size_t slot, std::string* message) noexcept = 0;
  virtual void request_stop(std::size_t slot) noexcept = 0;
  virtual void clear_stop(std::size_t slot) noexcept = 0;

  /// Whether a float output of the slot's last run holds NaN or infinity.
  virtual bool has_non_finite_output(std::size_t slot) const noexcept = 0;
  virtual OutputCopy copy_output(std::size_t slot, std::size_t output) const = 0;
};

}  // namespace redline
