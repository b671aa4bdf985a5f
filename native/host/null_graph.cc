// Owns the null provider's busy loop and its stop at "node" granularity.

#include "host/null_graph.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "host/clock.h"
#include "host/failure.h"
#include "host/finite.h"

namespace redline {

namespace {

struct NullSlot {
  std::vector<Binding> inputs;
  std::vector<Binding> outputs;
  std::atomic<bool> is_stopping{false};
};

class NullGraph : public Graph {
 public:
  NullGraph(NullOptions options, std::size_t slots)
      : options_(std::move(options)), slots_(new NullSlot[slots]) {}

  const std::vector<TensorSpec>& inputs() const noexcept override { return options_.inputs; }
  const std::vector<TensorSpec>& outputs() const noexcept override { return options_.outputs; }

  void bind(std::size_t slot, std::vector<Binding> inputs, std::vector<Binding> outputs) override {
    slots_[slot].inputs = std::move(inputs);
    slots_[slot].outputs = std::move(outputs);
  }

  void unbind(std::size_t slot) noexcept override {
    slots_[slot].inputs.clear();
    slots_[slot].outputs.clear();
  }

  bool run(std::size_t slot, std::string* message) noexcept override {
    if (options_.busy_us > 0 && !stay_busy(slots_[slot].is_stopping)) return false;
    if (options_.fail_every > 0 && (runs_.fetch_add(1) + 1) % options_.fail_every == 0) {
      *message = "the null provider fails every " + std::to_string(options_.fail_every) + " runs";
      return false;
    }
    return true;
  }

  void request_stop(std::size_t slot) noexcept override { slots_[slot].is_stopping.store(true); }
  void clear_stop(std::size_t slot) noexcept override { slots_[slot].is_stopping.store(false); }

  bool has_non_finite_output(std::size_t slot) const noexcept override {
    for (const Binding& output : slots_[slot].outputs) {
      if (!output.is_lent) continue;
      if (output.dtype == Dtype::float32 && has_non_finite_f32(output.data, output.bytes / 4)) return true;
      if (output.dtype == Dtype::float16 && has_non_finite_f16(output.data, output.bytes / 2)) return true;
    }
    return false;
  }

  /// What the slot's memory holds; zeros of the declared shape where the run was to allocate it.
  OutputCopy copy_output(std::size_t slot, std::size_t output) const override {
    const TensorSpec& spec = options_.outputs[output];
    OutputCopy copy;
    copy.dtype = spec.dtype;
    if (output < slots_[slot].outputs.size() && slots_[slot].outputs[output].is_lent) {
      const Binding& binding = slots_[slot].outputs[output];
      copy.shape = binding.shape;
      const auto* bytes = static_cast<const std::uint8_t*>(binding.data);
      copy.bytes.assign(bytes, bytes + binding.bytes);
      return copy;
    }
    for (const Dimension& dimension : spec.shape) copy.shape.push_back(std::max<std::int64_t>(dimension.size, 0));
    const std::size_t elements = element_count(copy.shape);
    copy.bytes.resize(elements * dtype_bytes(spec.dtype));
    if (spec.dtype == Dtype::string) copy.strings.resize(elements);
    return copy;
  }

 private:
  bool stay_busy(const std::atomic<bool>& is_stopping) const noexcept {
    const std::int64_t started_us = now_us();
    const std::int64_t end_us = started_us + options_.busy_us;
    std::int64_t node_end_us = started_us + options_.node_us;
    while (true) {
      const std::int64_t at_us = now_us();
      // The stop comes first: a thread that was off its processor past the end has still passed a node's end before.
      if (at_us >= node_end_us) {
        if (is_stopping.load()) return false;
        node_end_us = at_us + options_.node_us;
      }
      if (at_us >= end_us) return true;
    }
  }

  const NullOptions options_;
  const std::unique_ptr<NullSlot[]> slots_;
  std::atomic<std::int64_t> runs_{0};
};

}  // namespace

std::unique_ptr<Graph> make_null_graph(NullOptions options, std::size_t slots) {
  if (options.busy_us < 0 || options.fail_every < 0 || options.node_us <= 0) {
    throw Failure("PROVIDER_OPTION", "null: expected busyUs >= 0, failEvery >= 0 and nodeUs > 0");
  }
  return std::make_unique<NullGraph>(std::move(options), slots);
}

}  // namespace redline
