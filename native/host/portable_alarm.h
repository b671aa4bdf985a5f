// Owns one thread's sleep until an instant, on a condition variable: for systems without a kernel timer of their own.
// Knows no lanes. Invariant: that of Alarm. Compiled and tested on every system, used where alarm.h says so.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "host/clock.h"

namespace redline {

class PortableAlarm {
 public:
  void set(std::int64_t due_us) noexcept {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      due_us_ = due_us;
    }
    changed_.notify_one();
  }

  void wait() noexcept {
    std::unique_lock<std::mutex> lock(mutex_);
    while (due_us_ > now_us()) {
      if (due_us_ == INT64_MAX) {
        changed_.wait(lock);
      } else {
        // The clocks agree: now_us counts the same steady clock.
        changed_.wait_until(lock, std::chrono::steady_clock::time_point(std::chrono::microseconds(due_us_)));
      }
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t due_us_ = INT64_MAX;
};

}  // namespace redline
