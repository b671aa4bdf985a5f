// Owns the host's rules on real ONNX graphs: results, stops between nodes, closing and ending in the middle of a run.
// Runs where the environment names the library and the models; ONNX Runtime's own threads are not built for the thread
// sanitizer, which would report its memory orders as ours.

#include <cmath>
#include <fstream>

#include "host/clock.h"
#include "host/failure.h"
#include "test/caller.h"
#include "test/given.h"

namespace redline::check {

namespace {

constexpr const char* kSuite = "model";

std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void require_outcome(const Settled& settled, Outcome expected) {
  require_equal(static_cast<int>(settled.outcome), static_cast<int>(expected), "outcome");
}

}  // namespace

REDLINE_TEST(kSuite, "a model's matrix products come out as they are") {
  if (!has_library()) return;
  Caller caller;
  const auto session = caller.open(model_request(given("SHORT_MODEL")));
  const auto matrices = caller.bind(session, 0);

  require_outcome(caller.settlement(caller.submit(*session)), Outcome::done_ok);

  // Every weight is one over the size: a product keeps a constant matrix as it is.
  for (const float value : matrices->out) require(std::fabs(value - 0.5f) < 1e-3f, "a wrong element");
  const OutputCopy copy = Host::instance().copy_output(session->id(), 0, 0);
  require_equal(copy.bytes.size(), matrices->out.size() * sizeof(float), "bytes of the copy");
  caller.close(session);
}

REDLINE_TEST(kSuite, "a model with a pool of threads gives the same, and its threads end with it") {
  if (!has_library()) return;
  for (int round = 0; round < 5; ++round) {
    Caller caller;
    OpenRequest request = model_request(given("SHORT_MODEL"));
    request.ort.intra_op_threads = 2;
    const auto session = caller.open(request);
    const auto matrices = caller.bind(session, 0);
    require_outcome(caller.settlement(caller.submit(*session)), Outcome::done_ok);
    require(std::fabs(matrices->out[0] - 0.5f) < 1e-3f, "a wrong element");
  }
}

REDLINE_TEST(kSuite, "a run is stopped at its deadline, at a cancel and at a close, and the next one is whole") {
  if (!has_library()) return;
  Caller caller;
  const auto session = caller.open(model_request(given("LONG_MODEL")));
  const auto matrices = caller.bind(session, 0);
  JobTimes soon;
  soon.deadline_us = now_us() + 5'000;
  require_outcome(caller.settlement(caller.submit(*session, soon)), Outcome::cancelled_deadline);

  const std::int64_t cancelled = caller.submit(*session);
  wait_for("the run", is_any_lane_running);
  caller.cancel(cancelled);
  require_outcome(caller.settlement(cancelled), Outcome::cancelled_signal);

  require_outcome(caller.settlement(caller.submit(*session)), Outcome::done_ok);
  require(std::fabs(matrices->out[0] - 0.5f) < 1e-2f, "a wrong element after a stop");

  const std::int64_t closed = caller.submit(*session);
  wait_for("the run", is_any_lane_running);
  caller.close(session);
  require_outcome(caller.settlement(closed), Outcome::cancelled_closing);
}

REDLINE_TEST(kSuite, "environments end mid-run, one after the other and with others at work, and take their memory with them") {
  if (!has_library()) return;
  Caller stays;
  const auto shared = stays.open(model_request(given("SHORT_MODEL"), 2));
  const auto kept = stays.bind(shared, 0);
  for (int round = 0; round < 5; ++round) {
    std::unique_ptr<Matrices> own;
    std::unique_ptr<Matrices> others;
    {
      Caller leaves;
      const auto session = leaves.open(model_request(given("LONG_MODEL")));
      own = leaves.bind(session, 0);
      others = leaves.bind(shared, 1);
      leaves.submit(*session);
      wait_for("the run", is_any_lane_running);
      JobTimes second;
      second.slot = 1;
      leaves.submit(*shared, second);
    }
    own.reset();
    others.reset();
    require_outcome(stays.settlement(stays.submit(*shared)), Outcome::done_ok);
  }
  stays.close(shared);
}

REDLINE_TEST(kSuite, "an environment ends while its models load") {
  if (!has_library()) return;
  for (int round = 0; round < 5; ++round) {
    Caller caller;
    for (int count = 0; count < 3; ++count) {
      caller.environment()->begin_request();
      Host::instance().open(caller.environment(), model_request(given("LONG_MODEL")),
                            [environment = caller.environment()](const RequestResult&, const std::shared_ptr<Session>&) {
                              environment->post([] {});
                            });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(round));
  }
}

REDLINE_TEST(kSuite, "an environment ends while models load from its bytes, and takes the bytes with it") {
  if (!has_library()) return;
  const std::string whole = contents_of(given("BULKY_MODEL"));
  for (int round = 0; round < 12; ++round) {
    auto bytes = std::make_unique<std::string>(whole);
    OpenRequest request = model_request("");
    request.source.bytes = bytes->data();
    request.source.length = bytes->size();
    auto answered = std::make_shared<std::atomic<int>>(0);
    {
      Caller caller;
      for (int count = 0; count < 2; ++count) {
        caller.environment()->begin_request();
        Host::instance().open(caller.environment(), request,
                              [answered, environment = caller.environment()](const RequestResult&,
                                                                             const std::shared_ptr<Session>&) {
                                answered->fetch_add(1);
                                environment->post([] {});
                              });
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(4 * round));
    }
    // A loader that went on reading would now read freed memory, which the address sanitizer sees.
    bytes.reset();
    wait_for("the loads", [&] { return answered->load() == 2; });
  }
}

REDLINE_TEST(kSuite, "files that are missing, cut short or no models are refused by name, and nothing is left of them") {
  if (!has_library()) return;
  Caller caller;
  const std::string whole = given("SHORT_MODEL");
  require_failure("MODEL_FILE_MISSING", [&] { caller.open(model_request(whole + ".not-there")); });
  const std::string bytes = contents_of(whole);
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{100}, bytes.size() / 2, bytes.size() - 1}) {
    OpenRequest request = model_request("");
    request.source.bytes = bytes.data();
    request.source.length = length;
    require_failure("MODEL_LOAD_FAILED", [&] { caller.open(request); });
  }
}

REDLINE_TEST(kSuite, "options that ONNX Runtime refuses are refused by name") {
  if (!has_library()) return;
  Caller caller;
  OpenRequest request = model_request(given("SHORT_MODEL"));
  request.ort.graph_optimization = "most";
  require_failure("PROVIDER_OPTION", [&] { caller.open(request); });
  request.ort.graph_optimization = "basic";
  request.ort.config_entries = {{"session.use_ort_model_bytes_directly", "1"}};
  require_failure("PROVIDER_OPTION", [&] { caller.open(request); });
}

}  // namespace redline::check
