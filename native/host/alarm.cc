// Owns the kernel timer behind Alarm. Empty where there is none.

#include "host/alarm.h"

#if defined(__linux__)

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "host/failure.h"

namespace redline {

Alarm::Alarm() : timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) {
  if (timer_ < 0) throw Failure("INTERNAL", "the system gives no timer: too many open files?");
}

Alarm::~Alarm() { close(timer_); }

void Alarm::set(std::int64_t due_us) noexcept {
  itimerspec at{};
  if (due_us != INT64_MAX) {
    // All zero would disarm it and less is refused, where an instant long past must end the wait at once.
    const std::int64_t since_boot_us = std::max<std::int64_t>(due_us, 1);
    at.it_value.tv_sec = since_boot_us / 1'000'000;
    at.it_value.tv_nsec = (since_boot_us % 1'000'000) * 1000;
  }
  timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr);
}

void Alarm::wait() noexcept {
  std::uint64_t expirations = 0;
  // Interrupted by a signal it answers early, which a caller that looks at the clock survives.
  [[maybe_unused]] const auto got = read(timer_, &expirations, sizeof expirations);
}

}  // namespace redline

#endif
