// Owns what the child does: load the library, open graphs, run them on shared memory, close them.
// Knows no pipe. Invariant: a request answers one line; nothing it says reaches memory outside what was shared.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "child/line.h"
#include "child/pulse.h"
#include "host/graph.h"
#include "host/shared_memory.h"

namespace redline::child {

/// CHILD_INTERFACE of runtime/bindings/addon.ts: raised whenever a line changes its meaning.
inline constexpr int kInterface = 1;

class Worker {
 public:
  explicit Worker(Pulse* pulse) : pulse_(pulse) {}
  /// Throws Failure with the code the parent is to report.
  Line answer(const Line& request);

 private:
  Line start(const Line& request);
  Line open(const Line& request);
  Line run(const Line& request);
  Line close(const Line& request);
  Line memory(const Line& request);

  Graph& graph_of(const Line& request);
  std::uint8_t* shared(std::int64_t offset, std::int64_t bytes);

  Pulse* const pulse_;
  std::unique_ptr<SharedMemory> memory_;
  std::map<std::int64_t, std::unique_ptr<Graph>> graphs_;
  std::int64_t next_graph_ = 1;
};

}  // namespace redline::child
