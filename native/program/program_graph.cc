// Owns the arenas of a program's slots, and what goes in and out of them.

#include "program/program_graph.h"

#include <cstring>
#include <utility>

#include "host/failure.h"
#include "host/finite.h"

namespace redline {

namespace {

struct ProgramSlot {
  std::vector<float> arena;
  std::vector<Binding> inputs;
  std::vector<Binding> outputs;
};

/// The floats of a tensor whose every size is known.
std::size_t floats_of(const TensorSpec& spec) {
  std::size_t count = 1;
  for (const Dimension& dimension : spec.shape) {
    if (!dimension.is_static() || dimension.size > (1 << 24)) throw Failure("OP_ARGUMENT", spec.name + ": expected a fixed shape");
    count *= static_cast<std::size_t>(dimension.size);
    if (count > (std::size_t{1} << 24)) throw Failure("OP_ARGUMENT", spec.name + ": expected a smaller shape");
  }
  return count;
}

void require_places(const std::vector<TensorSpec>& specs, const std::vector<std::int32_t>& places, std::size_t arena,
                    std::int32_t least) {
  if (specs.size() != places.size()) throw Failure("OP_ARGUMENT", "places: expected one for each tensor");
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (places[i] == -1 && least == -1) continue;
    const bool is_inside = places[i] >= 0 && static_cast<std::size_t>(places[i]) + floats_of(specs[i]) <= arena;
    if (specs[i].dtype != Dtype::float32 || !is_inside) {
      throw Failure("OP_ARGUMENT", specs[i].name + ": expected float32 within the arena");
    }
  }
}

class ProgramGraph : public Graph {
 public:
  ProgramGraph(const ProgramOptions& options, std::size_t slots)
      : program_(options.image, *options.set),
        inputs_(options.inputs),
        outputs_(options.outputs),
        input_places_(options.input_places),
        output_places_(options.output_places),
        slots_(slots) {
    require_places(inputs_, input_places_, program_.arena_floats(), -1);
    require_places(outputs_, output_places_, program_.arena_floats(), 0);
    for (ProgramSlot& slot : slots_) slot.arena.assign(program_.arena_floats(), 0.0f);
  }

  const std::vector<TensorSpec>& inputs() const noexcept override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const noexcept override { return outputs_; }

  void bind(std::size_t slot, std::vector<Binding> inputs, std::vector<Binding> outputs) override {
    slots_[slot].inputs = std::move(inputs);
    slots_[slot].outputs = std::move(outputs);
  }

  void unbind(std::size_t slot) noexcept override {
    slots_[slot].inputs.clear();
    slots_[slot].outputs.clear();
  }

  bool run(std::size_t index, std::string*) noexcept override {
    ProgramSlot& slot = slots_[index];
    float* arena = slot.arena.data();
    for (std::size_t i = 0; i < slot.inputs.size(); ++i) {
      if (input_places_[i] >= 0) std::memcpy(arena + input_places_[i], slot.inputs[i].data, slot.inputs[i].bytes);
    }
    program_.run(arena);
    for (std::size_t i = 0; i < slot.outputs.size(); ++i) {
      const Binding& output = slot.outputs[i];
      if (output.is_lent) std::memcpy(output.data, arena + output_places_[i], output.bytes);
    }
    return true;
  }

  /// A run takes some tens of microseconds: it ends by itself before a stop could matter.
  void request_stop(std::size_t) noexcept override {}
  void clear_stop(std::size_t) noexcept override {}

  bool has_non_finite_output(std::size_t slot) const noexcept override {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (has_non_finite_f32(slots_[slot].arena.data() + output_places_[i], bytes_of(i) / sizeof(float))) return true;
    }
    return false;
  }

  OutputCopy copy_output(std::size_t slot, std::size_t output) const override {
    OutputCopy copy;
    copy.dtype = Dtype::float32;
    for (const Dimension& dimension : outputs_[output].shape) copy.shape.push_back(dimension.size);
    copy.bytes.resize(bytes_of(output));
    std::memcpy(copy.bytes.data(), slots_[slot].arena.data() + output_places_[output], copy.bytes.size());
    return copy;
  }

 private:
  std::size_t bytes_of(std::size_t output) const noexcept {
    std::size_t bytes = sizeof(float);
    for (const Dimension& dimension : outputs_[output].shape) bytes *= static_cast<std::size_t>(dimension.size);
    return bytes;
  }

  const Program program_;
  const std::vector<TensorSpec> inputs_;
  const std::vector<TensorSpec> outputs_;
  const std::vector<std::int32_t> input_places_;
  const std::vector<std::int32_t> output_places_;
  std::vector<ProgramSlot> slots_;
};

}  // namespace

std::unique_ptr<Graph> make_program_graph(const ProgramOptions& options, std::size_t slots) {
  return std::make_unique<ProgramGraph>(options, slots);
}

}  // namespace redline
