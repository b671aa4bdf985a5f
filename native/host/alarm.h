// Owns one thread's sleep until an instant that others may bring forward. Knows no lanes.
// Invariant: a wait that began before `set` returned ends at the instant set last, or at once when it has passed.
#pragma once

#include <cstdint>

#if !defined(__linux__)
#include <condition_variable>
#include <mutex>
#endif

namespace redline {

/// On Linux a kernel timer: setting it wakes nobody, so that a job that arms and disarms its deadline costs its
/// processor no switch to the timer's thread and back. Elsewhere a condition variable.
class Alarm {
 public:
  Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// Sets the instant in microseconds of `now_us`; INT64_MAX is never.
  void set(std::int64_t due_us) noexcept;
  /// Sleeps until the instant set last. For one thread.
  void wait() noexcept;

 private:
#if defined(__linux__)
  int timer_;
#else
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t due_us_;
#endif
};

}  // namespace redline
