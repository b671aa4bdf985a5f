// Owns a graph without a model: it keeps its thread busy for a while and copies nothing.
// Exists to measure the host's own overhead and to test lanes with known run times.
#pragma once

#include <memory>

#include "host/graph.h"

namespace redline {

struct NullOptions {
  std::int64_t busy_us = 0;
  std::int64_t node_us = 100;
  std::int64_t fail_every = 0;
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
};

/// Throws Failure PROVIDER_OPTION for a negative time or a node of no length.
std::unique_ptr<Graph> make_null_graph(NullOptions options, std::size_t slots);

}  // namespace redline
