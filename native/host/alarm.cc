// Owns the system's way to sleep until an instant: timerfd, kqueue or a waitable timer.

#include "host/alarm.h"

#include <algorithm>

#include "host/clock.h"
#include "host/failure.h"

#if defined(_WIN32)
#include <windows.h>
#elif defined(__APPLE__)
#include <sys/event.h>
#include <unistd.h>
#else
#include <sys/timerfd.h>
#include <unistd.h>
#endif

namespace redline {

namespace {

constexpr const char* kNoTimer = "the system gives no timer: too many open files?";

}  // namespace

#if defined(_WIN32)

namespace {

// CREATE_WAITABLE_TIMER_HIGH_RESOLUTION of Windows 10 1803, by number because older headers lack the name. Without it
// a timer ends on the next tick of 15.6 ms.
constexpr DWORD kHighResolution = 0x2;

HANDLE create_timer() noexcept {
  HANDLE timer = CreateWaitableTimerExW(nullptr, nullptr, kHighResolution, TIMER_ALL_ACCESS);
  if (timer == nullptr) timer = CreateWaitableTimerExW(nullptr, nullptr, 0, TIMER_ALL_ACCESS);
  return timer;
}

}  // namespace

Alarm::Alarm() : timer_(reinterpret_cast<std::intptr_t>(create_timer())) {
  if (timer_ == 0) throw Failure("INTERNAL", kNoTimer);
}

Alarm::~Alarm() { CloseHandle(reinterpret_cast<HANDLE>(timer_)); }

void Alarm::set(std::int64_t due_us) noexcept {
  const auto timer = reinterpret_cast<HANDLE>(timer_);
  if (due_us == INT64_MAX) {
    CancelWaitableTimer(timer);
    return;
  }
  const std::int64_t left_us = due_us - now_us();
  LARGE_INTEGER due;
  // Negative is relative, in units of 100 ns; zero would be an instant of the wall clock.
  due.QuadPart = left_us > 0 ? -left_us * 10 : -1;
  SetWaitableTimer(timer, &due, 0, nullptr, nullptr, FALSE);
}

void Alarm::wait() noexcept { WaitForSingleObject(reinterpret_cast<HANDLE>(timer_), INFINITE); }

#elif defined(__APPLE__)

namespace {

// One timer per queue, so any number names it.
constexpr std::uintptr_t kTimerIdent = 1;

}  // namespace

Alarm::Alarm() : timer_(kqueue()) {
  if (timer_ < 0) throw Failure("INTERNAL", kNoTimer);
}

Alarm::~Alarm() { close(static_cast<int>(timer_)); }

void Alarm::set(std::int64_t due_us) noexcept {
  struct kevent change;
  if (due_us == INT64_MAX) {
    EV_SET(&change, kTimerIdent, EVFILT_TIMER, EV_DELETE, 0, 0, nullptr);
  } else {
    const std::int64_t left_us = due_us - now_us();
    // Critical: the kernel does not bundle it with other timers. Continuous: it goes on while the machine sleeps, as now_us does.
    EV_SET(&change, kTimerIdent, EVFILT_TIMER, EV_ADD | EV_ONESHOT,
           NOTE_USECONDS | NOTE_CRITICAL | NOTE_MACH_CONTINUOUS_TIME, left_us > 0 ? left_us : 0, nullptr);
  }
  // Deleting a timer that is not armed answers ENOENT, which is what was wanted.
  kevent(static_cast<int>(timer_), &change, 1, nullptr, 0, nullptr);
}

void Alarm::wait() noexcept {
  struct kevent rung;
  kevent(static_cast<int>(timer_), nullptr, 0, &rung, 1, nullptr);
}

#else

Alarm::Alarm() : timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) {
  if (timer_ < 0) throw Failure("INTERNAL", kNoTimer);
}

Alarm::~Alarm() { close(static_cast<int>(timer_)); }

void Alarm::set(std::int64_t due_us) noexcept {
  itimerspec at{};
  if (due_us != INT64_MAX) {
    // All zero would disarm it and less is refused, where an instant long past must end the wait at once.
    const std::int64_t since_boot_us = std::max<std::int64_t>(due_us, 1);
    at.it_value.tv_sec = since_boot_us / 1'000'000;
    at.it_value.tv_nsec = (since_boot_us % 1'000'000) * 1000;
  }
  timerfd_settime(static_cast<int>(timer_), TFD_TIMER_ABSTIME, &at, nullptr);
}

void Alarm::wait() noexcept {
  std::uint64_t expirations = 0;
  // Interrupted by a signal it answers early.
  [[maybe_unused]] const auto got = read(static_cast<int>(timer_), &expirations, sizeof expirations);
}

#endif

}  // namespace redline
