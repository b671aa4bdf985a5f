// Owns the rules of a lane whose run hangs: the job is lost at once, what waits goes on, and the run that was given up harms
// nobody when it returns. A null graph whose one node is long plays the hung run: it looks at nothing until it is over.

#include "host/clock.h"
#include "host/failure.h"
#include "test/caller.h"

namespace redline::check {

namespace {

constexpr const char* kSuite = "lost";
// Long beside what a test does meanwhile, short beside what it waits for at most.
constexpr std::int64_t kHangUs = 2'000'000;

OpenRequest hanging_request(std::int64_t hang_us = kHangUs) {
  OpenRequest request = null_request(hang_us, 4);
  request.null.node_us = hang_us;
  const TensorSpec spec{"x", Dtype::float32, {Dimension{4, {}}}};
  request.null.inputs = {spec};
  request.null.outputs = {{"y", Dtype::float32, {Dimension{4, {}}}}};
  return request;
}

JobTimes on_slot(std::size_t slot, std::uint32_t flags = 0) {
  JobTimes times;
  times.slot = slot;
  times.flags = flags;
  return times;
}

void require_outcome(const Settled& settled, Outcome expected) {
  require_equal(static_cast<int>(settled.outcome), static_cast<int>(expected), "outcome");
}

bool runs(std::int64_t job_id) {
  RunningJob jobs[16];
  const std::size_t count = Host::instance().running_jobs(jobs, 16);
  for (std::size_t i = 0; i < count; ++i) {
    if (jobs[i].job_id == job_id) return true;
  }
  return false;
}

std::int64_t begin_hang(Caller* caller, const Session& session, const JobTimes& times = {}) {
  const std::int64_t job = caller->submit(session, times);
  wait_for("the run", [job] { return runs(job); });
  return job;
}

void replace() { Host::instance().replace_lane(Criticality::interactive, 0); }

}  // namespace

REDLINE_TEST(kSuite, "a hung run is lost at once, and what waits goes on while it still hangs") {
  Caller caller;
  const auto hung = caller.open(hanging_request());
  const auto quick = caller.open(null_request(1000, 2));
  const std::int64_t started_us = now_us();
  const std::int64_t lost = begin_hang(&caller, *hung);
  const std::int64_t waiting = caller.submit(*quick);

  replace();

  require_outcome(caller.settlement(lost), Outcome::failed_lost);
  require_outcome(caller.settlement(waiting), Outcome::done_ok);
  require(now_us() - started_us < kHangUs, "the run ended before its successor did: nothing was shown");
  caller.close(quick);
  caller.close(hung);
}

REDLINE_TEST(kSuite, "the slot of a lost run takes no job and no memory until the run returns, and the other slots do") {
  Caller caller;
  const auto session = caller.open(hanging_request(200'000));
  begin_hang(&caller, *session);
  replace();

  require_outcome(caller.settlement(caller.submit(*session)), Outcome::rejected_no_slot);
  InlineTimes times;
  const Outcome inlined = Host::instance().run_inline(caller.environment(), session->id(), 0, 0, &times);
  require(inlined == Outcome::rejected_no_slot, "an inline run in the slot of a lost one");
  require_failure("INPUT_SLOT", [&] { Host::instance().copy_output(session->id(), 0, 0); });
  require_outcome(caller.settlement(caller.submit(*session, on_slot(1))), Outcome::done_ok);

  wait_for("the slot", [&] { return caller.settlement(caller.submit(*session)).outcome == Outcome::done_ok; });
  caller.close(session);
}

REDLINE_TEST(kSuite, "a session closes without waiting for its lost run, and is gone when that returns") {
  Caller caller;
  std::weak_ptr<Session> left;
  {
    const auto session = caller.open(hanging_request());
    left = session;
    const std::int64_t started_us = now_us();
    begin_hang(&caller, *session);
    replace();

    caller.close(session);

    require(now_us() - started_us < kHangUs, "the close waited for the run");
    require(Host::instance().find(session->id()) == nullptr, "a closed session was found");
  }
  require(!left.expired(), "the session went while its run was in it");
  wait_for("the run's return", [&] { return left.expired(); });
}

REDLINE_TEST(kSuite, "a close that waits for a run ends when the run is given up") {
  Caller caller;
  const auto session = caller.open(hanging_request());
  const std::int64_t job = begin_hang(&caller, *session);
  const auto is_closed = caller.begin_close(session);

  replace();

  require_outcome(caller.settlement(job), Outcome::failed_lost);
  wait_for("the close", [&] { return is_closed->load(); });
}

REDLINE_TEST(kSuite, "a lane is replaced again when its next run hangs too") {
  Caller caller;
  const auto session = caller.open(hanging_request(300'000));
  const auto quick = caller.open(null_request(0, 1));
  for (std::size_t slot = 0; slot < 3; ++slot) {
    const std::int64_t job = begin_hang(&caller, *session, on_slot(slot));
    replace();
    require_outcome(caller.settlement(job), Outcome::failed_lost);
  }

  require_outcome(caller.settlement(caller.submit(*quick)), Outcome::done_ok);
  for (std::size_t slot = 0; slot < 3; ++slot) {
    wait_for("the slot", [&] {
      return caller.settlement(caller.submit(*session, on_slot(slot))).outcome == Outcome::done_ok;
    });
  }
  caller.close(quick);
  caller.close(session);
}

REDLINE_TEST(kSuite, "a lane that runs nothing, and one that is not there, are left alone") {
  Caller caller;
  const auto session = caller.open(null_request(0, 1));
  require_outcome(caller.settlement(caller.submit(*session)), Outcome::done_ok);
  wait_for("an idle lane", [] { return !is_any_lane_running(); });

  replace();
  Host::instance().replace_lane(Criticality::background, 77);

  require_outcome(caller.settlement(caller.submit(*session)), Outcome::done_ok);
  require_equal(caller.settled(2).size(), 2, "settlements");
  caller.close(session);
}

REDLINE_TEST(kSuite, "a lost run that ends by its stop leaves its slot ready for the next run") {
  Caller caller;
  const auto session = caller.open(null_request(60'000'000, 1));
  begin_hang(&caller, *session);

  replace();

  wait_for("the slot", [&] { return !session->slot(0).is_busy.load(); });
  // It would end at once as well if the stop of the lost run were still in the slot.
  const std::int64_t next = begin_hang(&caller, *session);
  caller.cancel(next);
  require_outcome(caller.settlement(next), Outcome::cancelled_signal);
  caller.close(session);
}

REDLINE_TEST(kSuite, "an environment's end waits for a lost run on its memory, which then is its own again") {
  auto memory = std::make_unique<float[]>(8);
  Binding in;
  in.shape = {4};
  in.data = memory.get();
  in.bytes = 4 * sizeof(float);
  Binding out = in;
  out.data = memory.get() + 4;
  const std::int64_t started_us = now_us();
  {
    Caller caller;
    const auto session = caller.open(hanging_request(300'000));
    Host::instance().bind(caller.environment(), session->id(), 0, {in}, {out});
    // Outputs are looked through after the run: by then the memory must be there.
    begin_hang(&caller, *session, on_slot(0, kCheckOutputs));
    replace();
  }
  require(now_us() - started_us >= 300'000, "the environment ended before the run that uses its memory");
  memory.reset();
}

REDLINE_TEST(kSuite, "what runs is told with its start, its class and its lane") {
  Caller caller;
  const auto session = caller.open(null_request(50'000, 1, Criticality::background));
  const std::int64_t job = begin_hang(&caller, *session);
  RunningJob jobs[4];

  require_equal(Host::instance().running_jobs(jobs, 4), 1, "running jobs");
  require_equal(Host::instance().running_jobs(jobs, 0), 1, "running jobs, without room for them");

  require_equal(jobs[0].job_id, job, "job");
  require(jobs[0].criticality == Criticality::background && jobs[0].lane_index == 0, "another lane");
  require_equal(caller.settlement(job).started_us, jobs[0].started_us, "start");
  require_equal(Host::instance().running_jobs(jobs, 4), 0, "running jobs afterwards");
  caller.close(session);
}

}  // namespace redline::check
