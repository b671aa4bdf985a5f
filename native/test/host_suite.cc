// Owns the rules of the host without Node, on null graphs: opening, closing, binding, submitting, cancelling, and the ends of
// environments, one by one and several at once. Storms of all of it are in host_storm.cc.

#include <mutex>
#include <thread>

#include "host/clock.h"
#include "host/failure.h"
#include "test/caller.h"

namespace redline::check {

namespace {

constexpr const char* kSuite = "host";
constexpr std::int64_t kLongUs = 60'000'000;

OpenRequest tensor_request(std::int64_t busy_us, std::size_t slots = 2) {
  OpenRequest request = null_request(busy_us, slots);
  const TensorSpec spec{"x", Dtype::float32, {Dimension{4, {}}}};
  request.null.inputs = {spec};
  request.null.outputs = {{"y", Dtype::float32, {Dimension{4, {}}}}};
  return request;
}

/// Four numbers of a caller's own memory.
struct Numbers {
  float in[4] = {1, 2, 3, 4};
  float out[4] = {0, 0, 0, 0};
};

Binding binding_of(float (&data)[4]) {
  Binding binding;
  binding.shape = {4};
  binding.data = data;
  binding.bytes = sizeof data;
  return binding;
}

void bind(const Caller& caller, const Session& session, std::size_t slot, Numbers* numbers) {
  Host::instance().bind(caller.environment(), session.id(), slot, {binding_of(numbers->in)},
                        {binding_of(numbers->out)});
}

bool is_known(const Session& session) { return Host::instance().find(session.id()) != nullptr; }

void require_outcome(const Settled& settled, Outcome expected) {
  require_equal(static_cast<int>(settled.outcome), static_cast<int>(expected), "outcome");
}

/// What became of opens that nobody waits for.
class Opened : public std::enable_shared_from_this<Opened> {
 public:
  void begin(const Caller& caller, const OpenRequest& request) {
    caller.environment()->begin_request();
    Host::instance().open(caller.environment(), request,
                          [self = shared_from_this(), environment = caller.environment()](
                              const RequestResult&, const std::shared_ptr<Session>& session) {
                            self->note(session);
                            environment->post([] {});
                          });
  }
  int answered() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return answered_;
  }
  std::vector<std::shared_ptr<Session>> sessions() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return sessions_;
  }

 private:
  void note(const std::shared_ptr<Session>& session) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (session != nullptr) sessions_.push_back(session);
    ++answered_;
  }

  std::mutex mutex_;
  int answered_ = 0;
  std::vector<std::shared_ptr<Session>> sessions_;
};

JobTimes on_slot(std::size_t slot) {
  JobTimes times;
  times.slot = slot;
  return times;
}

}  // namespace

REDLINE_TEST(kSuite, "ids are never given twice, and a closed session is not found") {
  Caller caller;
  const auto first = caller.open(null_request(0, 1));
  caller.close(first);
  const auto second = caller.open(null_request(0, 1));

  require(second->id() > first->id(), "an id came back");
  require(!is_known(*first), "a closed session was found");
  require(is_known(*second), "an open session was not found");
  caller.close(second);
}

REDLINE_TEST(kSuite, "options that make no sense are refused when a graph is opened") {
  Caller caller;
  require_failure("PROVIDER_OPTION", [&] { caller.open(null_request(-1, 1)); });
}

REDLINE_TEST(kSuite, "a job on a closed session settles as rejected, inline runs too") {
  Caller caller;
  const auto session = caller.open(null_request(0, 1));
  caller.close(session);

  require_outcome(caller.settlement(caller.submit(*session)), Outcome::rejected_closed);
  InlineTimes times;
  const Outcome outcome = Host::instance().run_inline(caller.environment(), session->id(), 0, 0, &times);
  require(outcome == Outcome::rejected_closed, "an inline run on a closed session");
  require_failure("SESSION_CLOSED", [&] { Host::instance().copy_output(session->id(), 0, 0); });
}

REDLINE_TEST(kSuite, "closing twice answers both, also while a job runs, after the job has settled") {
  Caller caller;
  const auto session = caller.open(null_request(kLongUs, 1));
  const std::int64_t job = caller.submit(*session);
  wait_for("the run", is_any_lane_running);

  const auto first = caller.begin_close(session);
  const auto second = caller.begin_close(session);

  require_outcome(caller.settlement(job), Outcome::cancelled_closing);
  wait_for("both closes", [&] { return first->load() && second->load(); });
  caller.close(session);
}

REDLINE_TEST(kSuite, "a slot with a job in flight takes neither another job, nor memory, nor an inline run") {
  Caller caller;
  const auto session = caller.open(tensor_request(kLongUs));
  Numbers numbers;
  bind(caller, *session, 0, &numbers);
  const std::int64_t job = caller.submit(*session);

  require_failure("INPUT_SLOT", [&] { caller.submit(*session); });
  require_failure("INPUT_SLOT", [&] { bind(caller, *session, 0, &numbers); });
  require_failure("INPUT_SLOT", [&] { Host::instance().copy_output(session->id(), 0, 0); });
  InlineTimes times;
  require_failure("INPUT_SLOT",
                  [&] { Host::instance().run_inline(caller.environment(), session->id(), 0, 0, &times); });

  caller.cancel(job);
  require_outcome(caller.settlement(job), Outcome::cancelled_signal);
  bind(caller, *session, 0, &numbers);
  caller.close(session);
}

REDLINE_TEST(kSuite, "slots and outputs that do not exist are refused, and the session stays usable") {
  Caller caller;
  const auto session = caller.open(tensor_request(0));
  Numbers numbers;
  require_failure("INPUT_SLOT", [&] { caller.submit(*session, on_slot(2)); });
  require_failure("INPUT_SLOT", [&] { bind(caller, *session, 2, &numbers); });
  require_failure("INPUT_MISSING", [&] { Host::instance().bind(caller.environment(), session->id(), 0, {}, {}); });
  bind(caller, *session, 1, &numbers);
  require_failure("INPUT_UNKNOWN", [&] { Host::instance().copy_output(session->id(), 1, 1); });

  require_outcome(caller.settlement(caller.submit(*session, on_slot(1))), Outcome::done_ok);
  caller.close(session);
}

REDLINE_TEST(kSuite, "a slot's memory belongs to the environment that bound it, until that ends") {
  Caller owner;
  Caller other;
  Numbers owned;
  Numbers others;
  const auto session = owner.open(tensor_request(0));
  bind(owner, *session, 0, &owned);
  bind(other, *session, 1, &others);

  require_failure("INPUT_SLOT", [&] { other.submit(*session, on_slot(0)); });
  owner.leave();

  require_outcome(other.settlement(other.submit(*session, on_slot(0))), Outcome::done_ok);
  require_outcome(other.settlement(other.submit(*session, on_slot(1))), Outcome::done_ok);
  other.close(session);
}

REDLINE_TEST(kSuite, "a session ends with the last environment that uses it") {
  Caller opener;
  Numbers numbers;
  const auto session = opener.open(tensor_request(0));
  {
    Caller user;
    bind(user, *session, 1, &numbers);
    opener.leave();
    require(is_known(*session), "the session left with its opener while another used it");
  }
  require(!is_known(*session), "nobody uses the session, and it is there");
}

REDLINE_TEST(kSuite, "an environment that ends stops its own jobs and nobody else's") {
  Caller stays;
  const auto session = stays.open(null_request(50'000, 4));
  std::int64_t kept = 0;
  {
    Caller leaves;
    leaves.submit(*session, on_slot(0));
    wait_for("the run", is_any_lane_running);
    leaves.submit(*session, on_slot(1));
    kept = stays.submit(*session, on_slot(2));
  }

  require_outcome(stays.settlement(kept), Outcome::done_ok);
  stays.close(session);
}

REDLINE_TEST(kSuite, "an environment that ends in the middle of a run gets its memory back before its end returns") {
  Caller observer;
  std::shared_ptr<Session> session;
  auto numbers = std::make_unique<Numbers>();
  {
    Caller caller;
    session = caller.open(tensor_request(kLongUs));
    bind(caller, *session, 0, numbers.get());
    caller.submit(*session);
    wait_for("the run", is_any_lane_running);
  }
  // A run that went on would now write into freed memory, which the address sanitizer sees.
  numbers.reset();

  require(!is_any_lane_running(), "the run went on");
  require(!is_known(*session), "the session stayed");
}

REDLINE_TEST(kSuite, "an environment that ends while its models are being opened keeps none of them") {
  constexpr int kOpens = 5;
  for (int round = 0; round < 20; ++round) {
    auto opened = std::make_shared<Opened>();
    {
      Caller caller;
      for (int count = 0; count < kOpens; ++count) opened->begin(caller, null_request(0, 1));
    }
    wait_for("the opens", [&] { return opened->answered() == kOpens; });
    for (const auto& session : opened->sessions()) require(!is_known(*session), "a session stayed");
  }
  Caller after;
  const auto session = after.open(null_request(0, 1));
  require_outcome(after.settlement(after.submit(*session)), Outcome::done_ok);
  after.close(session);
}

REDLINE_TEST(kSuite, "an environment ends without waiting for an open that has not begun, and the open gives up") {
  std::atomic<bool> is_released{false};
  auto opened = std::make_shared<Opened>();
  // Whatever it answers, it holds the one thread that loads.
  Host::instance().load_ort("no such library", 1, [&is_released](const RequestResult&, const OrtLibrary*) {
    wait_for("the release", [&] { return is_released.load(); });
  });
  Caller caller;
  opened->begin(caller, null_request(0, 1));

  const std::int64_t started_us = now_us();
  caller.leave();
  const std::int64_t took_us = now_us() - started_us;
  is_released.store(true);

  wait_for("the open", [&] { return opened->answered() == 1; });
  require(opened->sessions().empty(), "a session of an environment that has ended");
  // Less than the host gives a run that does not stop.
  require(took_us < 4'000'000, "the environment's end waited for the open");
}

REDLINE_TEST(kSuite, "a close by one environment and the end of another meet on one session, and it is freed once") {
  for (int round = 0; round < 200; ++round) {
    auto opener = std::make_unique<Caller>();
    Caller closer;
    const auto session = opener->open(tensor_request(0));
    std::thread ending([&] { opener.reset(); });
    closer.close(session);
    ending.join();
    require(!is_known(*session), "the session stayed");
  }
}

REDLINE_TEST(kSuite, "a slot is bound anew by one environment while its owner ends") {
  for (int round = 0; round < 200; ++round) {
    auto owner = std::make_unique<Caller>();
    Caller other;
    Numbers owned;
    Numbers others;
    Numbers kept;
    const auto session = owner->open(tensor_request(0, 8));
    bind(other, *session, 7, &kept);
    for (std::size_t slot = 0; slot < 7; ++slot) bind(*owner, *session, slot, &owned);
    std::thread ending([&] { owner.reset(); });
    for (std::size_t slot = 0; slot < 7; ++slot) {
      // The ending one may hold the slot for a moment.
      wait_for("the slot", [&] {
        try {
          bind(other, *session, slot, &others);
          return true;
        } catch (const Failure&) {
          return false;
        }
      });
    }
    ending.join();
    for (std::size_t slot = 0; slot < 8; ++slot) {
      require_outcome(other.settlement(other.submit(*session, on_slot(slot))), Outcome::done_ok);
    }
    other.close(session);
  }
}

REDLINE_TEST(kSuite, "what does not fit into the ring waits, in order") {
  Caller caller(2);
  const auto session = caller.open(null_request(0, 64));
  for (std::size_t slot = 0; slot < 64; ++slot) caller.submit(*session, on_slot(slot));

  const auto& settled = caller.settled(64);

  for (std::size_t i = 1; i < settled.size(); ++i) {
    require(settled[i].settled_us >= settled[i - 1].settled_us, "a record overtook another");
  }
  caller.close(session);
}

REDLINE_TEST(kSuite, "messages of failed runs can be taken once") {
  Caller caller;
  OpenRequest request = null_request(0, 1);
  request.null.fail_every = 1;
  const auto session = caller.open(request);
  const std::int64_t job = caller.submit(*session);
  require_outcome(caller.settlement(job), Outcome::failed_provider);

  std::string message;
  require(caller.environment()->take_message(job, &message) && !message.empty(), "no message");
  require(!caller.environment()->take_message(job, &message), "a message was there twice");
  caller.close(session);
}

REDLINE_TEST(kSuite, "four environments use one session at once, and each one's jobs settle exactly once") {
  Caller opener;
  const auto session = opener.open(null_request(20, 32));
  std::vector<std::thread> threads;
  std::atomic<int> done{0};
  for (std::size_t index = 0; index < 4; ++index) {
    threads.emplace_back([&, index] {
      Caller caller(4);
      for (int round = 0; round < 50; ++round) {
        for (std::size_t slot = 0; slot < 8; ++slot) caller.submit(*session, on_slot(index * 8 + slot));
        for (const Settled& settled : caller.settled(caller.submitted())) {
          if (settled.outcome != Outcome::done_ok) return;
        }
      }
      done.fetch_add(1);
    });
  }
  for (std::thread& thread : threads) thread.join();

  require_equal(done.load(), 4, "environments whose jobs were all done");
  opener.close(session);
}

}  // namespace redline::check
