// Owns the one timer thread of the process: it calls a lane when the lane's next deadline or latest start is here.
// Knows no jobs. Invariant: a lane whose `next_timer_us` has passed is called, however late it was lowered.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "host/alarm.h"

namespace redline {

/// What the timer calls, and when.
class Timed {
 public:
  virtual ~Timed() = default;
  /// Does what is due. False when the timer had better come again than wait.
  virtual bool on_timer() = 0;
  std::int64_t due_us() const noexcept { return due_us_.load(); }

 protected:
  std::atomic<std::int64_t> due_us_{INT64_MAX};
};

class Timer {
 public:
  Timer();
  void watch(Timed* timed);
  /// Call after lowering `due_us`. Cheap when the thread is to wake earlier anyway.
  void arm(std::int64_t due_us);

 private:
  void loop();

  std::mutex mutex_;
  Alarm alarm_;
  std::vector<Timed*> watched_;
  // When the thread wakes; INT64_MAX also while it works out the next time, so that `arm` waits for it.
  std::atomic<std::int64_t> wakes_us_{INT64_MAX};
};

}  // namespace redline
