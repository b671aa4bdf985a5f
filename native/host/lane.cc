// Owns the lane's thread and its dealings with the timer.

#include "host/lane.h"

#include <chrono>
#include <exception>
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
  timed_out_.reserve(kJobsPerLane);
  timer_->watch(this);
  const std::lock_guard<std::mutex> lock(mutex_);
  seat_ = std::make_shared<Seat>();
  start_thread_locked(seat_);
}

void Lane::start_thread_locked(std::shared_ptr<Seat> seat) {
  std::thread([this, seat = std::move(seat)] { loop(seat); }).detach();
}

void Lane::take_new_thread_locked() noexcept {
  try {
    auto fresh = std::make_shared<Seat>();
    start_thread_locked(fresh);
    seat_ = std::move(fresh);
  } catch (const std::exception&) {
    // A machine out of threads or memory: the next job tries again, and the old thread serves the lane if it returns first.
  }
}

void Lane::submit(const LaneJob& job) {
  std::optional<LaneSettlement> settled;
  bool is_idle = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    // Under the lock: a word published later calls the job off, an earlier one is seen here.
    settled = core_.submit(job, job_of(job).session->word(), now_us());
    is_idle = !core_.is_running();
    if (seat_->lost.has_value()) take_new_thread_locked();
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

void Lane::publish(Session* session, SessionWord word) {
  std::vector<LaneSettlement> settlements;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    session->set_word(word);
    if (core_.publish(session->id(), word, now_us(), &settlements)) request_stop_locked();
    if (!settlements.empty()) rearm();
  }
  deliver_all(settlements);
}

std::optional<RunningJob> Lane::running() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!core_.is_running()) return std::nullopt;
  return RunningJob{core_.running()->job_id, core_.started_us(), criticality_, lane_index_};
}

void Lane::replace() {
  std::optional<LostRun> lost;
  Completion completion{};
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!core_.is_running() || is_halting_) return;
    if (!core_.is_stopping()) request_stop_locked();
    const LaneSettlement settlement = core_.lose(now_us());
    completion = {settlement.job.job_id, settlement.outcome, settlement.started_us, settlement.settled_us, -1, false};
    Job& job = job_of(settlement.job);
    lost = LostRun{std::move(job.session), std::move(job.environment), job.slot};
    lost->session->slot(lost->slot).is_lost.store(true);
    lost->session->begin_lost_run();
    lost->environment->begin_lost_run();
    ++lost_runs_;
    seat_->lost = lost;
    take_new_thread_locked();
    rearm();
  }
  lost->environment->settle(completion, {});
  lost->session->end_use();
}

bool Lane::on_timer() {
  timed_out_.clear();
  {
    // The thread that holds this lane's lock may be an idle-class one that waits for a processor: the other lanes'
    // deadlines must not wait with it.
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return false;
    const std::int64_t at_us = now_us();
    if (core_.stop_at_deadline(at_us)) request_stop_locked();
    core_.drop_stale(at_us, &timed_out_);
    rearm();
  }
  deliver_all(timed_out_);
  return true;
}

LaneSnapshot Lane::snapshot() {
  std::unique_lock<std::mutex> lock(mutex_);
  // A lane just created has not learned its regime yet: the thread is microseconds away from it.
  halted_.wait(lock, [this] { return has_regime_; });
  return LaneSnapshot{criticality_, lane_index_, regime_, cpu_us_, core_.waiting_count(), core_.is_running()};
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

bool Lane::wait_for_lost_runs(std::int64_t limit_us) {
  std::unique_lock<std::mutex> lock(mutex_);
  return halted_.wait_for(lock, std::chrono::microseconds(limit_us), [this] { return lost_runs_ == 0; });
}

void Lane::loop(const std::shared_ptr<Seat>& seat) {
  name_thread(thread_name(criticality_));
  const Regime regime = enter_class(criticality_);
  flush_denormals();
  std::vector<LaneSettlement> dropped;
  dropped.reserve(kJobsPerLane);
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
    if (!started.has_value()) {
      lock.unlock();
      deliver_all(dropped);
      lock.lock();
      continue;
    }

    // Once the lock is gone the job itself may be given up and its slot's record be taken from it: a session that a lost
    // run is in stays.
    const Job& job = job_of(*started);
    Session* const session = job.session.get();
    const std::size_t slot = job.slot;
    const std::uint32_t flags = job.flags;
    lock.unlock();
    deliver_all(dropped);
    Run result = run(&session->graph(), slot, flags);

    lock.lock();
    if (seat->lost.has_value()) {
      LostRun lost = std::move(*seat->lost);
      seat->lost.reset();
      lock.unlock();
      end_lost(std::move(lost));
      lock.lock();
      --lost_runs_;
      halted_.notify_all();
      if (seat != seat_) return;
      continue;
    }
    if (result.cpu_total_us >= 0) cpu_us_ = result.cpu_total_us;
    const bool was_stopping = core_.is_stopping();
    const RunEnd end = result.has_failed      ? RunEnd::failed
                       : result.is_non_finite ? RunEnd::non_finite
                                              : RunEnd::completed;
    const LaneSettlement settlement = core_.finish(end, result.ended_us);
    if (was_stopping) session->graph().clear_stop(slot);
    if (is_halting_) halted_.notify_all();
    lock.unlock();
    deliver(settlement, result.cpu_us, std::move(result.message));
    lock.lock();
  }
}

void Lane::end_lost(LostRun lost) {
  Graph& graph = lost.session->graph();
  Slot& slot = lost.session->slot(lost.slot);
  graph.clear_stop(lost.slot);
  if (lost.environment->is_closed()) {
    graph.unbind(lost.slot);
    slot.owner.store(nullptr);
  }
  slot.is_lost.store(false);
  slot.is_busy.store(false);
  // In this order: an environment that ends unbinds its slots once it has no run, and may free the graph.
  lost.environment->end_lost_run();
  lost.session->end_lost_run();
}

Lane::Run Lane::run(Graph* graph, std::size_t slot, std::uint32_t flags) {
  Run result;
  const std::int64_t cpu_before_us = thread_cpu_us();
  result.has_failed = !graph->run(slot, &result.message);
  result.ended_us = now_us();
  const std::int64_t cpu_after_us = thread_cpu_us();
  result.cpu_us = cpu_before_us < 0 || cpu_after_us < 0 ? -1 : cpu_after_us - cpu_before_us;
  result.cpu_total_us = cpu_after_us;
  if (!result.has_failed && (flags & kCheckOutputs) != 0) {
    result.is_non_finite = graph->has_non_finite_output(slot);
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
