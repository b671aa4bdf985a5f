// Owns one executor thread at a time: it feeds LaneCore with real time and runs what LaneCore starts.
// Knows no graph beyond its port. Invariant: a settlement leaves the lane outside its lock, after its slot is free; that of a
// run which was given up leaves before, and the run's own end then settles nothing.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
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

struct RunningJob {
  std::int64_t job_id;
  std::int64_t started_us;
  Criticality criticality;
  std::int32_t lane_index;
};

class Lane : public Timed {
 public:
  Lane(Criticality criticality, std::int32_t lane_index, Timer* timer);

  Criticality criticality() const noexcept { return criticality_; }
  std::int32_t lane_index() const noexcept { return lane_index_; }

  /// The lane made after this one: lanes are never removed, so that they can be gone through without a lock or a copy.
  Lane* next() const noexcept { return next_.load(); }
  void set_next(Lane* next) noexcept { next_.store(next); }

  /// Queues the job in `payload`, or settles it at once.
  void submit(const LaneJob& job);
  /// Whether the job was this lane's.
  bool cancel(std::int64_t job_id, Outcome reason);
  /// Cancels every job that matches.
  void cancel_where(const std::function<bool(const Job&)>& matches, Outcome reason);
  /// Takes the word of a session of this lane, and calls off what it forbids.
  void publish(Session* session, SessionWord word);
  std::optional<RunningJob> running();
  /// The running job is lost, and a new thread goes on with what waits. Nothing happens when no job runs any more.
  void replace();
  bool on_timer() override;
  LaneSnapshot snapshot();

  /// Starts nothing any more and asks the running job to stop.
  void halt();
  bool wait_until_halted(std::int64_t limit_us);
  bool wait_for_lost_runs(std::int64_t limit_us);

 private:
  /// What a run that was given up still holds, for its thread to let go of when it returns.
  struct LostRun {
    std::shared_ptr<Session> session;
    std::shared_ptr<Environment> environment;
    std::size_t slot;
  };
  /// A thread's place in the lane. A thread that finds another seat in the lane ends.
  struct Seat {
    std::optional<LostRun> lost;
  };
  struct Run {
    bool has_failed = false;
    bool is_non_finite = false;
    std::int64_t ended_us = 0;
    std::int64_t cpu_us = -1;
    std::int64_t cpu_total_us = -1;
    std::string message;
  };

  void start_thread_locked(std::shared_ptr<Seat> seat);
  void take_new_thread_locked() noexcept;
  void loop(const std::shared_ptr<Seat>& seat);
  static Run run(Graph* graph, std::size_t slot, std::uint32_t flags);
  static void end_lost(LostRun lost);
  void rearm();
  void request_stop_locked();
  static void deliver(const LaneSettlement& settlement, std::int64_t cpu_us, std::string message);
  static void deliver_all(const std::vector<LaneSettlement>& settlements);

  const Criticality criticality_;
  const std::int32_t lane_index_;
  Timer* const timer_;
  std::atomic<Lane*> next_{nullptr};
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable halted_;
  LaneCore core_;
  std::shared_ptr<Seat> seat_;
  std::size_t lost_runs_ = 0;
  // Only the timer's thread touches it; kept, so that a drop allocates nothing.
  std::vector<LaneSettlement> timed_out_;
  Regime regime_ = Regime::normal;
  bool has_regime_ = false;
  bool is_halting_ = false;
  std::int64_t cpu_us_ = 0;
};

}  // namespace redline
