// Owns the rules of an alarm: a wait ends at the instant set last.

#include <atomic>
#include <thread>

#include "host/alarm.h"
#include "host/clock.h"
#include "test/check.h"
#include "test/wait.h"

namespace redline::check {

namespace {

constexpr std::int64_t kShortUs = 5'000;
constexpr std::int64_t kLongUs = 600'000'000;

/// Waits until the clock has reached what the caller set last, as the timer's thread does.
void requires_wait_to_end_at_the_instant() {
  Alarm alarm;
  const std::int64_t due_us = now_us() + kShortUs;

  alarm.set(due_us);
  while (now_us() < due_us) alarm.wait();

  require(now_us() < due_us + kLongUs / 10, "the wait went on");
}

void requires_past_instants_to_end_at_once() {
  Alarm alarm;
  for (const std::int64_t due_us : {now_us() - 1, std::int64_t{1}, std::int64_t{0}, std::int64_t{-1}, INT64_MIN + 1}) {
    alarm.set(due_us);
    // A wait that does not end here is a hang that the runner's limit reports.
    alarm.wait();
  }
}

/// Another thread sleeps; this one brings its instant forward from never, from far away, and round by round.
void requires_an_earlier_instant_to_wake_a_sleeper() {
  Alarm alarm;
  std::atomic<int> wakes{0};
  std::atomic<int> allowed{0};
  constexpr int kRounds = 200;
  std::thread sleeper([&] {
    for (int round = 0; round < kRounds; ++round) {
      while (allowed.load() <= round) alarm.wait();
      wakes.store(round + 1);
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    alarm.set(round % 2 == 0 ? INT64_MAX : now_us() + kLongUs);
    if (round % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
    allowed.store(round + 1);
    // Set again and again, as every arming of a lane does: a wake that a sleeper took early is not the last one.
    wait_for("the sleeper", [&] {
      alarm.set(now_us() + 50);
      return wakes.load() == round + 1;
    });
  }
  sleeper.join();
}

}  // namespace

REDLINE_TEST("alarm", "a wait ends at its instant") { requires_wait_to_end_at_the_instant(); }
REDLINE_TEST("alarm", "an instant that has passed ends a wait at once") {
  requires_past_instants_to_end_at_once();
}
REDLINE_TEST("alarm", "an earlier instant wakes a sleeper") {
  requires_an_earlier_instant_to_wake_a_sleeper();
}

}  // namespace redline::check
