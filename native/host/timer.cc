// Owns the timer thread's loop.

#include "host/timer.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "host/clock.h"
#include "host/thread_priority.h"

namespace redline {

namespace {

// A lane's lock is held for about a microsecond, unless its holder has been preempted.
constexpr std::chrono::microseconds kRetry{50};

}  // namespace

Timer::Timer() {
  inherit_priority(&mutex_);
  std::thread([this] { loop(); }).detach();
}

void Timer::watch(Timed* timed) {
  const std::lock_guard<std::mutex> lock(mutex_);
  watched_.push_back(timed);
}

void Timer::arm(std::int64_t due_us) {
  if (due_us >= wakes_us_.load()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (due_us >= wakes_us_.load()) return;
  wakes_us_.store(due_us);
  alarm_.set(due_us);
}

void Timer::loop() {
  name_thread("redline-timer");
  enter_timer_class();
  std::vector<Timed*> due;
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    wakes_us_.store(INT64_MAX);
    const std::int64_t at_us = now_us();
    std::int64_t next_us = INT64_MAX;
    due.clear();
    // Here and not where it fills: only a new lane makes it allocate, and no job.
    due.reserve(watched_.size());
    for (Timed* timed : watched_) {
      const std::int64_t lane_us = timed->due_us();
      if (lane_us <= at_us) {
        due.push_back(timed);
      } else {
        next_us = std::min(next_us, lane_us);
      }
    }
    if (!due.empty()) {
      lock.unlock();
      bool is_done = true;
      for (Timed* timed : due) is_done = timed->on_timer() && is_done;
      if (!is_done) std::this_thread::sleep_for(kRetry);
      lock.lock();
      continue;
    }
    wakes_us_.store(next_us);
    alarm_.set(next_us);
    lock.unlock();
    alarm_.wait();
    lock.lock();
  }
}

}  // namespace redline
