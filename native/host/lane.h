// Owns one executor thread: it feeds LaneCore with real time and runs what LaneCore starts.
// Knows no graph beyond its port. Invariant: a settlement leaves the lane outside its lock, after its slot is free.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "host/lane_core.h"
#include "host/session.h"
#include "host/thread_priority.h"
#include "host/timer.h"

namespace redline {

struct LaneSnapshot {
  Criticality criticality;
  std::int32_t lane_index;
  Regime regime;
  std::int64_t cpu_us;
  std::size_t waiting;
  bool is_running;
};

class Lane : public Timed {
 public:
  Lane(Criticality criticality, std::int32_t lane_index, Timer* timer);

  Criticality criticality() const noexcept { return criticality_; }
  std::int32_t lane_index() const noexcept { return lane_index_; }

  /// Queues the job in `payload`, or settles it at once.
  void submit(const LaneJob& job);
  /// Whether the job was this lane's.
  bool cancel(std::int64_t job_id, Outcome reason);
  /// Cancels every job that matches.
  void cancel_where(const std::function<bool(const Job&)>& matches, Outcome reason);
  bool on_timer() override;
  LaneSnapshot snapshot();

  /// Starts nothing any more and asks the running job to stop.
  void halt();
  bool wait_until_halted(std::int64_t limit_us);

 private:
  struct Run {
    bool has_failed = false;
    bool is_non_finite = false;
    std::int64_t ended_us = 0;
    std::int64_t cpu_us = -1;
    std::string message;
  };

  void loop();
  static Run run(const Job& job);
  void rearm();
  void request_stop_locked();
  static void deliver(const LaneSettlement& settlement, std::int64_t cpu_us, std::string message);
  static void deliver_all(const std::vector<LaneSettlement>& settlements);

  const Criticality criticality_;
  const std::int32_t lane_index_;
  Timer* const timer_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable halted_;
  LaneCore core_;
  Regime regime_ = Regime::normal;
  bool has_regime_ = false;
  bool is_halting_ = false;
  std::atomic<std::int64_t> cpu_us_{0};
};

}  // namespace redline
