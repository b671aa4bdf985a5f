// Owns the ready heap and the settlement rules of a lane.

#include "host/lane_core.h"

#include <algorithm>

namespace redline {

namespace {

// The comparison of std::push_heap: true when `left` is the less urgent one.
bool is_less_urgent(const LaneJob& left, const LaneJob& right) noexcept {
  if (left.deadline_us != right.deadline_us) return left.deadline_us > right.deadline_us;
  return left.job_id > right.job_id;
}

/// Until when a job may start: as its session's word says, or as the job itself does where the word says nothing. A late
/// result that is kept is worth having at any time.
std::int64_t latest_start_us(const LaneJob& job, SessionWord word) noexcept {
  const std::int64_t allowance_us = latest_start_allowance_us(word);
  if (allowance_us == 0 || job.is_late_kept) return job.latest_start_us;
  if (job.deadline_us == kNever) return kNever;
  return job.deadline_us < -kNever + allowance_us ? -kNever : job.deadline_us - allowance_us;
}

}  // namespace

LaneCore::LaneCore() { waiting_.reserve(kJobsPerLane); }

std::optional<LaneSettlement> LaneCore::submit(const LaneJob& submitted, SessionWord word, std::int64_t at_us) {
  if (is_suspended(word)) return LaneSettlement{submitted, Outcome::rejected_suspended, -1, at_us};
  LaneJob job = submitted;
  job.latest_start_us = latest_start_us(submitted, word);
  if (at_us > job.latest_start_us) return LaneSettlement{job, Outcome::dropped_stale, -1, at_us};
  if (waiting_.size() >= kJobsPerLane) return LaneSettlement{job, Outcome::rejected_no_slot, -1, at_us};
  waiting_.push_back(job);
  std::push_heap(waiting_.begin(), waiting_.end(), is_less_urgent);
  earliest_latest_start_us_ = std::min(earliest_latest_start_us_, job.latest_start_us);
  return std::nullopt;
}

bool LaneCore::publish(std::int32_t session_id, SessionWord word, std::int64_t at_us,
                       std::vector<LaneSettlement>* settled) {
  if (!is_suspended(word)) return false;
  settle_where([session_id](const LaneJob& job) { return job.session_id == session_id; },
               Outcome::cancelled_preempted, at_us, settled);
  if (!running_.has_value() || running_->session_id != session_id) return false;
  if (!is_cancelled_if_blocking(word) || stop_reason_.has_value()) return false;
  stop_reason_ = Outcome::cancelled_preempted;
  return true;
}

std::optional<LaneJob> LaneCore::start(std::int64_t at_us) {
  if (running_.has_value() || waiting_.empty()) return std::nullopt;
  running_ = remove(0);
  started_us_ = at_us;
  stop_reason_.reset();
  return running_;
}

void LaneCore::drop_stale(std::int64_t at_us, std::vector<LaneSettlement>* settled) {
  if (earliest_latest_start_us_ >= at_us) return;
  settle_where([at_us](const LaneJob& job) { return job.latest_start_us < at_us; }, Outcome::dropped_stale, at_us,
               settled);
}

template <typename Matches>
void LaneCore::settle_where(Matches matches, Outcome outcome, std::int64_t at_us,
                            std::vector<LaneSettlement>* settled) {
  const auto first = std::partition(waiting_.begin(), waiting_.end(),
                                    [&matches](const LaneJob& job) { return !matches(job); });
  // Sorted by falling urgency: the comparison says "less urgent", hence the swapped arguments.
  std::sort(first, waiting_.end(),
            [](const LaneJob& left, const LaneJob& right) { return is_less_urgent(right, left); });
  for (auto job = first; job != waiting_.end(); ++job) {
    settled->push_back(LaneSettlement{*job, outcome, -1, at_us});
  }
  waiting_.erase(first, waiting_.end());
  std::make_heap(waiting_.begin(), waiting_.end(), is_less_urgent);
  find_earliest_latest_start();
}

CancelEffect LaneCore::cancel(std::int64_t job_id, Outcome reason, std::int64_t at_us,
                              std::optional<LaneSettlement>* settled) {
  if (running_.has_value() && running_->job_id == job_id) {
    if (stop_reason_.has_value()) return CancelEffect::already_stopping;
    stop_reason_ = reason;
    return CancelEffect::stopping;
  }
  for (std::size_t index = 0; index < waiting_.size(); ++index) {
    if (waiting_[index].job_id != job_id) continue;
    *settled = LaneSettlement{remove(index), reason, -1, at_us};
    return CancelEffect::settled;
  }
  return CancelEffect::unknown;
}

bool LaneCore::stop_at_deadline(std::int64_t at_us) {
  if (!running_.has_value() || running_->is_late_kept || stop_reason_.has_value()) return false;
  if (at_us < running_->deadline_us) return false;
  stop_reason_ = Outcome::cancelled_deadline;
  return true;
}

LaneSettlement LaneCore::finish(RunEnd end, std::int64_t at_us) {
  Outcome outcome = Outcome::done_ok;
  if (end == RunEnd::failed) {
    outcome = stop_reason_.value_or(Outcome::failed_provider);
  } else if (end == RunEnd::non_finite) {
    outcome = Outcome::failed_non_finite;
  } else if (at_us > running_->deadline_us) {
    outcome = running_->is_late_kept ? Outcome::late_kept : Outcome::late_unstoppable;
  }
  return settle_running(outcome, at_us);
}

LaneSettlement LaneCore::lose(std::int64_t at_us) { return settle_running(Outcome::failed_lost, at_us); }

LaneSettlement LaneCore::settle_running(Outcome outcome, std::int64_t at_us) {
  const LaneSettlement settlement{*running_, outcome, started_us_, at_us};
  running_.reset();
  stop_reason_.reset();
  return settlement;
}

std::int64_t LaneCore::next_timer_us() {
  if (!is_earliest_known_) find_earliest_latest_start();
  std::int64_t next_us = earliest_latest_start_us_ == kNever ? kNever : earliest_latest_start_us_ + 1;
  if (running_.has_value() && !running_->is_late_kept && !stop_reason_.has_value()) {
    next_us = std::min(next_us, running_->deadline_us);
  }
  return next_us;
}

void LaneCore::find_earliest_latest_start() {
  earliest_latest_start_us_ = kNever;
  for (const LaneJob& job : waiting_) {
    earliest_latest_start_us_ = std::min(earliest_latest_start_us_, job.latest_start_us);
  }
  is_earliest_known_ = true;
}

LaneJob LaneCore::remove(std::size_t index) {
  const LaneJob job = waiting_[index];
  if (index == 0) {
    std::pop_heap(waiting_.begin(), waiting_.end(), is_less_urgent);
    waiting_.pop_back();
  } else {
    waiting_[index] = waiting_.back();
    waiting_.pop_back();
    std::make_heap(waiting_.begin(), waiting_.end(), is_less_urgent);
  }
  if (waiting_.empty()) {
    earliest_latest_start_us_ = kNever;
    is_earliest_known_ = true;
  } else if (job.latest_start_us <= earliest_latest_start_us_) {
    is_earliest_known_ = false;
  }
  return job;
}

}  // namespace redline
