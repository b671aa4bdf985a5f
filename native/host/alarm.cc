// Owns the system's way to sleep until an instant.

#include "host/alarm.h"

#include "host/clock.h"
#include "host/failure.h"

#if defined(__linux__)
#include <sys/timerfd.h>
#include <unistd.h>
#else
#include <chrono>
#endif

namespace redline {

#if defined(__linux__)

Alarm::Alarm() : timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) {
  if (timer_ < 0) throw Failure("INTERNAL", "the system gives no timer: too many open files?");
}

void Alarm::set(std::int64_t due_us) noexcept {
  itimerspec at{};
  // All zero disarms; the clock is past zero long before the first job.
  if (due_us != INT64_MAX) {
    at.it_value.tv_sec = due_us / 1'000'000;
    at.it_value.tv_nsec = (due_us % 1'000'000) * 1000;
  }
  timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr);
}

void Alarm::wait() noexcept {
  std::uint64_t expirations = 0;
  // Interrupted by a signal it answers early, which a caller that looks at the clock survives.
  [[maybe_unused]] const auto got = read(timer_, &expirations, sizeof expirations);
}

#else

Alarm::Alarm() : due_us_(INT64_MAX) {}

void Alarm::set(std::int64_t due_us) noexcept {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    due_us_ = due_us;
  }
  changed_.notify_one();
}

void Alarm::wait() noexcept {
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

#endif

}  // namespace redline
