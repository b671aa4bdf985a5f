// Owns the rules every lane must keep, against the native lane without Node: those of test/support/lane-suite.ts, in the
// same order. Times are compared only where the lane's own clock decides them.

#include <set>

#include "host/clock.h"
#include "test/caller.h"

namespace redline::check {

namespace {

constexpr std::int64_t kBusyUs = 20'000;
constexpr std::size_t kSlots = 64;
constexpr const char* kSuite = "lane";
constexpr SessionWord kSuspended = 4;
constexpr SessionWord kCancelledIfBlocking = 8;

/// A session whose every job runs for kBusyUs unless stopped.
struct LaneUnderTest {
  explicit LaneUnderTest(std::int64_t busy_us = kBusyUs) : session(caller.open(null_request(busy_us, kSlots))) {}
  ~LaneUnderTest() { caller.close(session); }

  std::int64_t submit(JobTimes times = {}) {
    times.slot = next_slot++ % kSlots;
    return caller.submit(*session, times);
  }

  void publish(SessionWord word) { Host::instance().publish(session->id(), word); }

  Caller caller{64};
  std::shared_ptr<Session> session;
  std::size_t next_slot = 0;
};

JobTimes due_at(std::int64_t deadline_us) {
  JobTimes times;
  times.deadline_us = deadline_us;
  return times;
}

JobTimes start_by(std::int64_t latest_start_us) {
  JobTimes times;
  times.latest_start_us = latest_start_us;
  return times;
}

void require_outcome(const Settled& settled, Outcome expected) {
  require_equal(static_cast<int>(settled.outcome), static_cast<int>(expected), "outcome");
}

}  // namespace

REDLINE_TEST(kSuite, "a job with time to spare is done, with its start before its end") {
  LaneUnderTest lane;

  const Settled& settled = lane.caller.settlement(lane.submit());

  require_outcome(settled, Outcome::done_ok);
  require(settled.settled_us - settled.started_us >= kBusyUs, "a run was shorter than its length");
}

REDLINE_TEST(kSuite, "waiting jobs run in order of deadline, equal deadlines in order of id") {
  LaneUnderTest lane;
  const std::int64_t at_us = now_us();
  const std::int64_t first = lane.submit(due_at(at_us + 600 * kBusyUs));
  const std::int64_t last = lane.submit(due_at(at_us + 800 * kBusyUs));
  const std::int64_t second = lane.submit(due_at(at_us + 700 * kBusyUs));
  const std::int64_t third = lane.submit(due_at(at_us + 700 * kBusyUs));

  const auto& settled = lane.caller.settled(4);

  const std::int64_t expected[] = {first, second, third, last};
  for (std::size_t i = 0; i < 4; ++i) require_equal(settled[i].job_id, expected[i], "order");
}

REDLINE_TEST(kSuite, "one job runs at a time") {
  LaneUnderTest lane;
  for (int count = 0; count < 5; ++count) lane.submit();

  const auto& settled = lane.caller.settled(5);

  for (std::size_t i = 1; i < 5; ++i) require(settled[i].started_us >= settled[i - 1].settled_us, "two at once");
}

REDLINE_TEST(kSuite, "a job whose latest start has passed at submission is dropped as stale") {
  LaneUnderTest lane;

  const Settled& settled = lane.caller.settlement(lane.submit(start_by(now_us() - 1)));

  require_outcome(settled, Outcome::dropped_stale);
  require_equal(settled.started_us, -1, "start");
}

REDLINE_TEST(kSuite, "a waiting job is dropped when its latest start passes, while the lane is still busy") {
  LaneUnderTest lane;
  const std::int64_t first = lane.submit();
  wait_for("the first run", is_any_lane_running);
  const std::int64_t second = lane.submit(start_by(now_us() + kBusyUs / 4));

  const Settled dropped = lane.caller.settlement(second);
  const Settled done = lane.caller.settlement(first);

  require_outcome(dropped, Outcome::dropped_stale);
  require_outcome(done, Outcome::done_ok);
  require(dropped.settled_us < done.settled_us, "the drop waited for the run");
}

REDLINE_TEST(kSuite, "a running job is cancelled at its deadline") {
  LaneUnderTest lane;

  const Settled& settled = lane.caller.settlement(lane.submit(due_at(now_us() + kBusyUs / 2)));

  require_outcome(settled, Outcome::cancelled_deadline);
  require(settled.settled_us - settled.started_us < kBusyUs, "it ran to its end");
}

REDLINE_TEST(kSuite, "a running job whose deadline lies before the clock began is stopped, and deadlines still hold after it") {
  LaneUnderTest lane;
  for (const std::int64_t deadline_us : {std::int64_t{0}, std::int64_t{-5}, std::int64_t{-5'000'000}}) {
    require_outcome(lane.caller.settlement(lane.submit(due_at(deadline_us))), Outcome::cancelled_deadline);
  }

  const Settled& settled = lane.caller.settlement(lane.submit(due_at(now_us() + kBusyUs / 2)));

  require_outcome(settled, Outcome::cancelled_deadline);
}

REDLINE_TEST(kSuite, "a job whose late result is kept runs to its end and settles late") {
  LaneUnderTest lane;
  JobTimes times = due_at(now_us() + kBusyUs / 2);
  times.flags = kKeepLate;

  require_outcome(lane.caller.settlement(lane.submit(times)), Outcome::late_kept);
}

REDLINE_TEST(kSuite, "a signal stops a waiting job at once and a running one soon") {
  LaneUnderTest lane;
  const std::int64_t first = lane.submit();
  const std::int64_t second = lane.submit();
  lane.caller.cancel(second);
  lane.caller.cancel(first);

  for (const Settled& settled : lane.caller.settled(2)) require_outcome(settled, Outcome::cancelled_signal);
}

REDLINE_TEST(kSuite, "cancelling a settled job changes nothing, and the lane goes on") {
  LaneUnderTest lane;
  const std::int64_t first = lane.submit();
  lane.caller.settled(1);

  lane.caller.cancel(first);
  lane.submit();

  for (const Settled& settled : lane.caller.settled(2)) require_outcome(settled, Outcome::done_ok);
}

REDLINE_TEST(kSuite, "every one of many jobs settles exactly once") {
  LaneUnderTest lane;
  constexpr std::int64_t kCount = 60;
  const std::int64_t first = lane.caller.environment()->first_job_id();
  for (std::int64_t count = 1; count <= kCount; ++count) {
    const std::int64_t at_us = now_us();
    JobTimes times;
    if (count % 3 != 0) {
      times.deadline_us = at_us + kBusyUs * 3;
      times.latest_start_us = at_us + kBusyUs * 2;
    }
    lane.submit(times);
    if (count % 5 == 0) lane.caller.cancel(first + count - 3);
  }

  std::set<std::int64_t> ids;
  for (const Settled& settled : lane.caller.settled(kCount)) ids.insert(settled.job_id);

  require_equal(ids.size(), kCount, "jobs settled");
}

REDLINE_TEST(kSuite, "a suspended session starts nothing: new jobs are rejected, waiting ones called off, earliest deadline first") {
  LaneUnderTest lane(10 * kBusyUs);
  const std::int64_t running = lane.submit();
  wait_for("the run", is_any_lane_running);
  const std::int64_t later = lane.submit(due_at(now_us() + 900 * kBusyUs));
  const std::int64_t sooner = lane.submit(due_at(now_us() + 800 * kBusyUs));

  lane.publish(kSuspended);
  const std::int64_t refused = lane.submit();

  require_outcome(lane.caller.settlement(refused), Outcome::rejected_suspended);
  require_outcome(lane.caller.settlement(later), Outcome::cancelled_preempted);
  require_equal(lane.caller.settled(2)[0].job_id, sooner, "the first to be called off");
  require_outcome(lane.caller.settlement(running), Outcome::done_ok);
  InlineTimes times;
  const Outcome inlined = Host::instance().run_inline(lane.caller.environment(), lane.session->id(), 0, 0, &times);
  require(inlined == Outcome::rejected_suspended, "an inline run of a suspended session");

  lane.publish(0);
  require_outcome(lane.caller.settlement(lane.submit()), Outcome::done_ok);
}

REDLINE_TEST(kSuite, "a suspended session's running job is stopped where its word says so") {
  LaneUnderTest lane;
  const std::int64_t job = lane.submit();
  wait_for("the run", is_any_lane_running);

  lane.publish(kSuspended | kCancelledIfBlocking);

  const Settled& settled = lane.caller.settlement(job);
  require_outcome(settled, Outcome::cancelled_preempted);
  require(settled.settled_us - settled.started_us < kBusyUs, "it ran to its end");
}

REDLINE_TEST(kSuite, "another session's word changes nothing") {
  LaneUnderTest lane;
  LaneUnderTest other;
  const std::int64_t first = lane.submit();
  const std::int64_t second = lane.submit();

  other.publish(kSuspended | kCancelledIfBlocking);

  require_outcome(lane.caller.settlement(first), Outcome::done_ok);
  require_outcome(lane.caller.settlement(second), Outcome::done_ok);
}

REDLINE_TEST(kSuite, "a word's allowance says until when a job may start, in place of what the job says") {
  LaneUnderTest lane;
  lane.publish(static_cast<SessionWord>(2 * kBusyUs) << 4);
  JobTimes kept = due_at(now_us() + kBusyUs);
  kept.flags = kKeepLate;

  const std::int64_t stale = lane.submit(due_at(now_us() + kBusyUs));
  const std::int64_t in_time = lane.submit({now_us() + 100 * kBusyUs, now_us() - 1, 0, 0});
  const std::int64_t late = lane.submit(kept);

  require_outcome(lane.caller.settlement(stale), Outcome::dropped_stale);
  require_outcome(lane.caller.settlement(in_time), Outcome::done_ok);
  require_outcome(lane.caller.settlement(late), Outcome::late_kept);
}

}  // namespace redline::check
