// Owns one thread's sleep until an instant that others may bring forward. Knows no lanes.
// Invariant: a wait that began before `set` returned ends at the instant set last, or at once when it has passed.
#pragma once

#include <cstdint>

#if !defined(__linux__)
#include "host/portable_alarm.h"
#endif

namespace redline {

#if defined(__linux__)

/// A kernel timer: setting it wakes nobody, so that a job that arms and disarms its deadline costs its processor no
/// switch to the timer's thread and back.
class Alarm {
 public:
  /// Throws Failure INTERNAL when the process may open no more files.
  Alarm();
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// Sets the instant in microseconds of `now_us`; INT64_MAX is never.
  void set(std::int64_t due_us) noexcept;
  /// Sleeps until the instant set last. For one thread.
  void wait() noexcept;

 private:
  const int timer_;
};

#else

using Alarm = PortableAlarm;

#endif

}  // namespace redline
