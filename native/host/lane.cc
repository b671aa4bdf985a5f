// Owns the lane's thread and its dealings with the timer.

#include "host/lane.h"

#include <chrono>
#include <thread>
#include <utility>

#include "host/clock.h"
#include "host/denormals.h"

namespace redline {

namespace {

Job& job_of(const LaneJob& job) noexcept { return *static_cast<Job*>(job.payload); }

const char* thread_name(Criticality criticality) noexcept {
  switch (criticality) {
    case Criticality::critical:
      return "redline-crit";
    case Criticality::interactive:
      return "redline-inter";
    case Criticality::background:
      break;
  }
  return "redline-back";
}

}  // namespace

Lane::Lane(Criticality criticality, std::int32_t lane_index, Timer* timer)
    : criticality_(criticality), lane_index_(lane_index), timer_(timer) {
  inherit_priority(&mutex_);
  timer_->watch(this);
  std::thread([this] { loop(); }).detach();
}

void Lane::submit(const LaneJob& job) {
  std::optional<LaneSettlement> settled;
  bool is_idle = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    settled = core_.submit(job, now_us());
    is_idle = !core_.is_running();
    if (!settled.has_value()) rearm();
  }
  if (settled.has_value()) {
    deliver(*settled, -1, {});
  } else if (is_idle) {
    work_.notify_one();
  }
}

bool Lane::cancel(std::int64_t job_id, Outcome reason) {
  std::optional<LaneSettlement> settled;
  CancelEffect effect;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    effect = core_.cancel(job_id, reason, now_us(), &settled);
    if (effect == CancelEffect::stopping) request_stop_locked();
    if (effect == CancelEffect::settled) rearm();
  }
  if (settled.has_value()) deliver(*settled, -1, {});
  return effect != CancelEffect::unknown;
}

void Lane::cancel_where(const std::function<bool(const Job&)>& matches, Outcome reason) {
  std::vector<LaneSettlement> settlements;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<std::int64_t> ids;
    for (const LaneJob& job : core_.waiting()) {
      if (matches(job_of(job))) ids.push_back(job.job_id);
    }
    if (core_.is_running() && matches(job_of(*core_.running()))) ids.push_back(core_.running()->job_id);
    for (const std::int64_t id : ids) {
      std::optional<LaneSettlement> settled;
      if (core_.cancel(id, reason, now_us(), &settled) == CancelEffect::stopping) request_stop_locked();
      if (settled.has_value()) settlements.push_back(*settled);
    }
    rearm();
  }
  deliver_all(settlements);
}

bool Lane::on_timer() {
  std::vector<LaneSettlement> settlements;
  {
    // The thread that holds this lane's lock may be an idle-class one that waits for a processor: the other lanes'
    // deadlines must not wait with it.
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return false;
    const std::int64_t at_us = now_us();
    if (core_.stop_at_deadline(at_us)) request_stop_locked();
    core_.drop_stale(at_us, &settlements);
    rearm();
  }
  deliver_all(settlements);
  return true;
}

LaneSnapshot Lane::snapshot() {
  std::unique_lock<std::mutex> lock(mutex_);
  // A lane just created has not learned its regime yet: the thread is microseconds away from it.
  halted_.wait(lock, [this] { return has_regime_; });
  return LaneSnapshot{criticality_,  lane_index_,           regime_,
                      cpu_us_.load(), core_.waiting_count(), core_.is_running()};
}

void Lane::halt() {
  const std::lock_guard<std::mutex> lock(mutex_);
  is_halting_ = true;
  if (core_.is_running() && !core_.is_stopping()) {
    std::optional<LaneSettlement> settled;
    core_.cancel(core_.running()->job_id, Outcome::cancelled_closing, now_us(), &settled);
    request_stop_locked();
  }
}

bool Lane::wait_until_halted(std::int64_t limit_us) {
  std::unique_lock<std::mutex> lock(mutex_);
  return halted_.wait_for(lock, std::chrono::microseconds(limit_us), [this] { return !core_.is_running(); });
}

void Lane::loop() {
  name_thread(thread_name(criticality_));
  const Regime regime = enter_class(criticality_);
  flush_denormals();
  std::vector<LaneSettlement> dropped;
  std::unique_lock<std::mutex> lock(mutex_);
  regime_ = regime;
  has_regime_ = true;
  halted_.notify_all();
  while (true) {
    const std::int64_t at_us = now_us();
    dropped.clear();
    core_.drop_stale(at_us, &dropped);
    const auto started = is_halting_ ? std::nullopt : core_.start(at_us);
    if (!started.has_value() && dropped.empty()) {
      work_.wait(lock);
      continue;
    }
    rearm();
    lock.unlock();
    deliver_all(dropped);
    if (!started.has_value()) {
      lock.lock();
      continue;
    }

    const Job& job = job_of(*started);
    Run result = run(job);

    lock.lock();
    const bool was_stopping = core_.is_stopping();
    const RunEnd end = result.has_failed      ? RunEnd::failed
                       : result.is_non_finite ? RunEnd::non_finite
                                              : RunEnd::completed;
    const LaneSettlement settlement = core_.finish(end, result.ended_us);
    if (was_stopping) job.session->graph().clear_stop(job.slot);
    if (is_halting_) halted_.notify_all();
    lock.unlock();
    deliver(settlement, result.cpu_us, std::move(result.message));
    lock.lock();
  }
}

Lane::Run Lane::run(const Job& job) {
  Run result;
  Graph& graph = job.session->graph();
  const std::int64_t cpu_before_us = thread_cpu_us();
  result.has_failed = !graph.run(job.slot, &result.message);
  result.ended_us = now_us();
  const std::int64_t cpu_after_us = thread_cpu_us();
  result.cpu_us = cpu_before_us < 0 || cpu_after_us < 0 ? -1 : cpu_after_us - cpu_before_us;
  job.session->lane().cpu_us_.store(cpu_after_us < 0 ? 0 : cpu_after_us);
  if (!result.has_failed && (job.flags & kCheckOutputs) != 0) {
    result.is_non_finite = graph.has_non_finite_output(job.slot);
  }
  return result;
}

void Lane::rearm() {
  const std::int64_t next_us = core_.next_timer_us();
  due_us_.store(next_us);
  if (next_us != kNever) timer_->arm(next_us);
}

void Lane::request_stop_locked() {
  const Job& job = job_of(*core_.running());
  job.session->graph().request_stop(job.slot);
}

void Lane::deliver(const LaneSettlement& settlement, std::int64_t cpu_us, std::string message) {
  Job& job = job_of(settlement.job);
  const std::shared_ptr<Session> session = std::move(job.session);
  const std::shared_ptr<Environment> environment = std::move(job.environment);
  // The slot is free before anyone can hear that its job settled.
  session->slot(job.slot).is_busy.store(false);
  const bool has_message = settlement.outcome == Outcome::failed_provider;
  environment->settle(Completion{settlement.job.job_id, settlement.outcome, settlement.started_us,
                                 settlement.settled_us, cpu_us, has_message},
                      std::move(message));
  session->end_use();
}

void Lane::deliver_all(const std::vector<LaneSettlement>& settlements) {
  for (const LaneSettlement& settlement : settlements) deliver(settlement, -1, {});
}

}  // namespace redline
