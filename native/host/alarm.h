// Owns one thread's sleep until an instant that others may bring forward. Knows no lanes.
// Invariant: a wait that began before `set` returned ends at the instant set last, or at once when it has passed.
#pragma once

#include <cstdint>

namespace redline {

/// A timer of the kernel on every system: setting it wakes nobody, so that a job that arms and disarms its deadline
/// costs its processor no switch to the timer's thread and back, and a step of the wall clock moves no deadline.
class Alarm {
 public:
  /// Throws Failure INTERNAL when the process may open no more files.
  Alarm();
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// Sets the instant in microseconds of `now_us`; INT64_MAX is never.
  void set(std::int64_t due_us) noexcept;
  /// Sleeps until the instant set last; may end early, so the caller looks at the clock. For one thread.
  void wait() noexcept;

 private:
  // A descriptor of timerfd or kqueue, or the HANDLE of a waitable timer.
  const std::intptr_t timer_;
};

}  // namespace redline
