// Owns storms on the host, on null graphs: threads that act as environments open, submit, cancel, publish words, replace
// lanes, close and die all at once. Each job settles exactly once. REDLINE_STORM_ROUNDS makes them longer.

#include <cstdlib>
#include <random>
#include <set>
#include <thread>

#include "host/clock.h"
#include "host/failure.h"
#include "host/lane_replay.h"
#include "test/caller.h"

namespace redline::check {

namespace {

constexpr const char* kSuite = "storm";
constexpr std::size_t kSlots = 8;
constexpr unsigned kEnvironments = 4;

unsigned rounds() {
  const char* value = std::getenv("REDLINE_STORM_ROUNDS");
  return value == nullptr ? 2 : static_cast<unsigned>(std::atoi(value));
}

OpenRequest storm_request(std::int64_t busy_us, Criticality criticality) {
  OpenRequest request = null_request(busy_us, kSlots, criticality);
  request.null.node_us = 20;
  request.null.fail_every = 7;
  return request;
}

/// Submits and cancels for a while; leaves in one of the ways an environment can.
void live(unsigned seed, bool is_abrupt, std::atomic<int>* whole) {
  std::mt19937 engine(seed);
  const auto random = [&engine] { return static_cast<std::int64_t>(engine()); };
  Caller caller;
  const auto first = caller.open(storm_request(30, Criticality::critical));
  const auto second = caller.open(storm_request(100, static_cast<Criticality>(seed % kCriticalities)));
  const std::int64_t first_id = caller.environment()->first_job_id();
  for (int round = 0; round < 1500; ++round) {
    const auto& session = random() % 2 == 0 ? first : second;
    const std::int64_t at_us = now_us();
    JobTimes times;
    times.slot = static_cast<std::size_t>(random()) % kSlots;
    times.deadline_us = at_us + random() % 2000;
    times.latest_start_us = at_us + random() % 1500;
    times.flags = static_cast<std::uint32_t>(random() % 4);
    try {
      caller.submit(*session, times);
    } catch (const Failure&) {
      // The slot is busy: that is misuse by design here.
    }
    const auto submitted = static_cast<std::int64_t>(caller.submitted());
    if (random() % 4 == 0) caller.cancel(first_id + submitted - 1 - random() % 8);
    if (random() % 64 == 0) Host::instance().lanes();
    if (random() % 16 == 0) Host::instance().publish(session->id(), static_cast<SessionWord>(random() % 4 * 4));
    if (random() % 128 == 0) Host::instance().replace_lane(static_cast<Criticality>(random() % kCriticalities), 0);
    if (round == 1000 && !is_abrupt) caller.begin_close(second);
    caller.drain();
  }
  if (is_abrupt || caller.settled(caller.submitted()).size() == caller.submitted()) whole->fetch_add(1);
}

std::vector<double> random_trace(unsigned seed, int jobs) {
  std::mt19937 engine(seed);
  const auto random = [&engine](std::int64_t below) { return static_cast<double>(engine() % below); };
  std::vector<double> fields;
  double at_us = 0;
  for (int id = 1; id <= jobs; ++id) {
    at_us += random(30);
    const double deadline_us = at_us + random(60);
    const double cancel_us = random(4) == 0 ? at_us + random(60) : -1;
    for (const double field : {at_us, static_cast<double>(id), deadline_us, deadline_us - random(60), random(40),
                               random(10), random(2), cancel_us, random(3)}) {
      fields.push_back(field);
    }
  }
  return fields;
}

/// Words with all their bits, and now and then a replacement.
std::vector<double> random_orders(unsigned seed, int count) {
  std::mt19937 engine(seed);
  std::vector<double> fields;
  double at_us = 0;
  for (int i = 0; i < count; ++i) {
    at_us += static_cast<double>(engine() % 100);
    const double session = engine() % 8 == 0 ? -1 : static_cast<double>(engine() % 3);
    for (const double field : {at_us, session, static_cast<double>(engine() % 1024)}) fields.push_back(field);
  }
  return fields;
}

}  // namespace

REDLINE_TEST(kSuite, "environments that come and go settle every job exactly once") {
  for (unsigned round = 0; round < rounds(); ++round) {
    std::atomic<int> whole{0};
    std::vector<std::thread> environments;
    for (unsigned i = 0; i < kEnvironments; ++i) {
      environments.emplace_back(live, round * kEnvironments + i, i % 2 == 1, &whole);
    }
    for (std::thread& environment : environments) environment.join();
    require_equal(whole.load(), static_cast<int>(kEnvironments), "environments that lost nothing");
  }
}

REDLINE_TEST(kSuite, "a lane replayed at random settles every job exactly once") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const std::vector<double> fields = random_trace(seed, 1000);
    const std::vector<double> orders = random_orders(seed, 300);

    const std::vector<double> settled = replay_lane({fields.data(), 1000, orders.data(), 300});

    std::set<double> ids;
    for (std::size_t i = 0; i < settled.size(); i += kReplaySettlementFields) ids.insert(settled[i]);
    require_equal(settled.size(), 1000 * kReplaySettlementFields, "fields of settlements");
    require_equal(ids.size(), 1000, "jobs settled");
  }
}

}  // namespace redline::check
