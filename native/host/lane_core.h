// Owns every decision of a lane: earliest deadline first, drops at the latest start, stops at the deadline, what words forbid.
// Knows no thread and no clock, so that the real lane and the replay in virtual time decide alike.
// Invariant: each submitted job leaves exactly once, through a settlement.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "host/outcome.h"
#include "host/session_word.h"

namespace redline {

/// LIMITS.jobsPerLane of runtime/core/limits.ts.
inline constexpr std::size_t kJobsPerLane = 1024;
inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

struct LaneJob {
  std::int64_t job_id = 0;
  std::int32_t session_id = 0;
  std::int64_t deadline_us = 0;
  std::int64_t latest_start_us = 0;
  bool is_late_kept = false;
  /// What to run: the real lane's business, never looked at here.
  void* payload = nullptr;
};

struct LaneSettlement {
  LaneJob job;
  Outcome outcome;
  std::int64_t started_us;
  std::int64_t settled_us;
};

/// How a run came back: to its end, to its end with NaN or infinity, or with an error (a stop included).
enum class RunEnd { completed, non_finite, failed };

/// What a cancel did: nothing, settled a waiting job, or asked the running one to stop.
enum class CancelEffect { unknown, settled, stopping, already_stopping };

class LaneCore {
 public:
  LaneCore();

  /// Queues a job of a session whose word this is, or answers how it settled at once.
  std::optional<LaneSettlement> submit(const LaneJob& job, SessionWord word, std::int64_t at_us);

  /// Takes a session's new word: appends every waiting job it forbids, earliest deadline first. Whether the running job
  /// must be asked to stop; marks it as stopping.
  bool publish(std::int32_t session_id, SessionWord word, std::int64_t at_us, std::vector<LaneSettlement>* settled);

  /// Starts the earliest deadline when the lane is idle and a job waits. Drop stale jobs first.
  std::optional<LaneJob> start(std::int64_t at_us);

  /// Appends every waiting job whose latest start has passed, earliest deadline first.
  void drop_stale(std::int64_t at_us, std::vector<LaneSettlement>* settled);

  /// Stops a job: a waiting one settles into `settled`, a running one is marked as stopping.
  CancelEffect cancel(std::int64_t job_id, Outcome reason, std::int64_t at_us, std::optional<LaneSettlement>* settled);

  /// Whether the running job must be asked to stop because its deadline is here; marks it as stopping.
  bool stop_at_deadline(std::int64_t at_us);

  /// Settles the running job.
  LaneSettlement finish(RunEnd end, std::int64_t at_us);

  /// Settles the running job without its end, which will not come.
  LaneSettlement lose(std::int64_t at_us);

  /// The next time `drop_stale` or `stop_at_deadline` has something to do; kNever when there is nothing.
  std::int64_t next_timer_us();

  bool is_running() const noexcept { return running_.has_value(); }
  const std::optional<LaneJob>& running() const noexcept { return running_; }
  /// When the running job started.
  std::int64_t started_us() const noexcept { return started_us_; }
  bool is_stopping() const noexcept { return stop_reason_.has_value(); }
  std::size_t waiting_count() const noexcept { return waiting_.size(); }
  const std::vector<LaneJob>& waiting() const noexcept { return waiting_; }

 private:
  template <typename Matches>
  void settle_where(Matches matches, Outcome outcome, std::int64_t at_us, std::vector<LaneSettlement>* settled);
  LaneSettlement settle_running(Outcome outcome, std::int64_t at_us);
  LaneJob remove(std::size_t index);
  void find_earliest_latest_start();

  // A binary heap, the earliest deadline on top; ties go to the smaller job id.
  std::vector<LaneJob> waiting_;
  // A lower bound while not known: the job it came from has left.
  std::int64_t earliest_latest_start_us_ = kNever;
  bool is_earliest_known_ = true;

  std::optional<LaneJob> running_;
  std::int64_t started_us_ = 0;
  std::optional<Outcome> stop_reason_;
};

}  // namespace redline
