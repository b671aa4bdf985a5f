// Owns a program as a graph of the host: its inputs copied into an arena, run, its outputs copied out.
#pragma once

#include <memory>
#include <vector>

#include "host/graph.h"
#include "program/program.h"

namespace redline {

/// What a session of a program is opened with. A place is where a tensor begins in the arena; -1 for an input nothing reads.
struct ProgramOptions {
  ProgramImage image;
  const ops::NetworkSet* set = nullptr;
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  std::vector<std::int32_t> input_places;
  std::vector<std::int32_t> output_places;
};

/// Throws Failure OP_ARGUMENT for words or places that are not within the arena, or tensors that are not float32 and static.
std::unique_ptr<Graph> make_program_graph(const ProgramOptions& options, std::size_t slots);

}  // namespace redline
