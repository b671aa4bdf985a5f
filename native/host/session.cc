// Owns the counting behind close-while-running.

#include "host/session.h"

#include <algorithm>
#include <string>
#include <utility>

#include "host/failure.h"
#include "host/lane.h"

namespace redline {

Session::Session(std::int32_t id, std::unique_ptr<Graph> graph, Lane* lane, std::size_t slots)
    : id_(id),
      graph_(std::move(graph)),
      lane_(lane),
      slot_count_(slots),
      slots_(new Slot[slots]),
      word_(initial_word(lane->criticality())) {}

Slot& Session::slot(std::size_t index) {
  if (index >= slot_count_) {
    throw Failure("INPUT_SLOT", "expected a slot below " + std::to_string(slot_count_) + ", received " +
                                    std::to_string(index));
  }
  return slots_[index];
}

void Session::free_graph() noexcept {
  // An environment's end and another one's close meet here; the later one waits until the graph is gone.
  const std::lock_guard<std::mutex> lock(free_mutex_);
  if (lost_runs_ > 0) {
    is_free_wanted_ = true;
  } else {
    graph_.reset();
  }
}

void Session::begin_lost_run() {
  const std::lock_guard<std::mutex> lock(free_mutex_);
  ++lost_runs_;
}

void Session::end_lost_run() {
  const std::lock_guard<std::mutex> lock(free_mutex_);
  --lost_runs_;
  if (lost_runs_ == 0 && is_free_wanted_) graph_.reset();
}

bool Session::has_lost_run() {
  const std::lock_guard<std::mutex> lock(free_mutex_);
  return lost_runs_ > 0;
}

bool Session::begin_use() noexcept {
  if ((uses_.fetch_add(1) & kClosing) == 0) return true;
  end_use();
  return false;
}

void Session::end_use() {
  if (uses_.fetch_sub(1) == (kClosing | 1u)) finish_close();
}

void Session::close(std::function<void()> then) {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    if (is_closed_) {
      lock.unlock();
      then();
      return;
    }
    closers_.push_back(std::move(then));
  }
  // The extra use keeps the last `end_use` from racing with this close.
  uses_.fetch_add(1);
  uses_.fetch_or(kClosing);
  end_use();
}

void Session::join(Environment* environment) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (std::find(environments_.begin(), environments_.end(), environment) == environments_.end()) {
    environments_.push_back(environment);
  }
}

bool Session::leave(Environment* environment) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = std::find(environments_.begin(), environments_.end(), environment);
  if (found == environments_.end()) return false;
  environments_.erase(found);
  return environments_.empty();
}

void Session::finish_close() {
  std::vector<std::function<void()>> closers;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_closed_ = true;
    closers = std::exchange(closers_, {});
  }
  for (const auto& then : closers) then();
}

}  // namespace redline
