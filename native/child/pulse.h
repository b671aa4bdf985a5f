// Owns the child's heartbeat and the deadline of the run that is under way.
// Invariant: a beat says that the process is scheduled, not that its run gets on: a parent has a limit for that.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "child/pipe.h"
#include "host/graph.h"

namespace redline::child {

class Pulse {
 public:
  explicit Pulse(Pipe* pipe);
  /// Asks the graph's slot 0 to stop at `deadline_us`.
  void arm(Graph* graph, std::int64_t deadline_us);
  /// Whether the deadline had come.
  bool disarm();

 private:
  void loop();

  Pipe* const pipe_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Graph* graph_ = nullptr;
  std::int64_t deadline_us_ = INT64_MAX;
  bool is_stopped_ = false;
};

}  // namespace redline::child
