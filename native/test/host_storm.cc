// Owns a storm on the host without Node: threads that act as environments open, submit, cancel, close and die.
// Answers 0 when every job settled exactly once. Meant to be built with a sanitizer: see README.md.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "host/clock.h"
#include "host/failure.h"
#include "host/host.h"
#include "host/lane_replay.h"

namespace {

using redline::Host;

constexpr std::uint32_t kRingRecords = 16;
constexpr std::size_t kSlots = 8;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::exit(1);
}

/// One environment with its ring, read on its own thread.
class Reader {
 public:
  Reader() : environment_(Host::instance().add_environment([this] { is_woken_.store(true); })) {
    environment_->attach_ring(ring_, kRingRecords, cursor_);
  }

  const redline::EnvironmentPointer& environment() const { return environment_; }

  void drain() {
    if (!is_woken_.exchange(false)) return;
    for (auto& task : environment_->begin_wake()) task();
    do {
      auto* counts = reinterpret_cast<std::atomic<std::int32_t>*>(cursor_);
      while (counts[1].load() != counts[0].load()) {
        const auto index = static_cast<std::uint32_t>(counts[1].load()) % kRingRecords;
        const auto id = static_cast<std::int64_t>(ring_[index * redline::kCompletionFields]);
        require(settled_.insert(id).second, "a job settled twice");
        counts[1].store(counts[1].load() + 1);
      }
    } while (environment_->flush());
  }

  std::size_t settled() const { return settled_.size(); }

 private:
  std::atomic<bool> is_woken_{false};
  double ring_[kRingRecords * redline::kCompletionFields] = {};
  alignas(4) std::int32_t cursor_[2] = {0, 0};
  std::set<std::int64_t> settled_;
  redline::EnvironmentPointer environment_;
};

std::shared_ptr<redline::Session> open_null(Reader* reader, redline::Criticality criticality, std::int64_t busy_us) {
  redline::OpenRequest request;
  request.is_null = true;
  request.criticality = criticality;
  request.slots = kSlots;
  request.null.busy_us = busy_us;
  request.null.node_us = 20;
  request.null.fail_every = 7;
  auto opened = std::make_shared<std::promise<std::shared_ptr<redline::Session>>>();
  auto future = opened->get_future();
  reader->environment()->begin();
  Host::instance().open(reader->environment(), request,
                        [reader_environment = reader->environment(), opened](const redline::RequestResult&,
                                                                             std::shared_ptr<redline::Session> session) {
                          opened->set_value(std::move(session));
                          reader_environment->post([] {});
                        });
  return future.get();
}

/// Submits and cancels for a while; leaves in one of the ways an environment can.
void live(unsigned seed, bool is_abrupt) {
  std::mt19937 engine(seed);
  const auto random = [&engine] { return static_cast<std::int64_t>(engine()); };
  Reader reader;
  const auto first = open_null(&reader, redline::Criticality::critical, 30);
  const auto second = open_null(&reader, static_cast<redline::Criticality>(seed % 3), 100);
  std::int64_t next_id = reader.environment()->first_job_id();
  std::size_t submitted = 0;
  for (int round = 0; round < 2000; ++round) {
    const auto& session = random() % 2 == 0 ? first : second;
    const std::int64_t at_us = redline::now_us();
    try {
      Host::instance().submit(reader.environment(),
                              {session->id(), static_cast<std::size_t>(random()) % kSlots, next_id, at_us + random() % 2000,
                               at_us + random() % 1500, static_cast<std::uint32_t>(random() % 4)});
      ++submitted;
      ++next_id;
    } catch (const redline::Failure&) {
      // The slot is busy: that is misuse by design here.
    }
    if (random() % 4 == 0) {
      Host::instance().cancel(next_id - 1 - random() % 8, redline::Outcome::cancelled_signal);
    }
    if (random() % 64 == 0) Host::instance().lanes();
    if (round == 1500 && !is_abrupt) {
      reader.environment()->begin();
      Host::instance().close(second->id(), [environment = reader.environment()] { environment->post([] {}); });
    }
    reader.drain();
  }
  if (!is_abrupt) {
    while (reader.settled() < submitted) reader.drain();
    require(reader.settled() == submitted, "a job settled that was never submitted");
  }
  Host::instance().remove_environment(reader.environment());
}

void replay_at_random(unsigned seed) {
  std::mt19937 engine(seed);
  const auto random = [&engine] { return static_cast<std::int64_t>(engine()); };
  std::vector<double> fields;
  double at_us = 0;
  for (int id = 1; id <= 1000; ++id) {
    at_us += static_cast<double>(random() % 30);
    const double deadline_us = at_us + static_cast<double>(random() % 60);
    const double cancel_us = random() % 4 == 0 ? at_us + static_cast<double>(random() % 60) : -1;
    for (const double field : {at_us, static_cast<double>(id), deadline_us,
                               deadline_us - static_cast<double>(random() % 60), static_cast<double>(random() % 40),
                               static_cast<double>(random() % 10), static_cast<double>(random() % 2), cancel_us}) {
      fields.push_back(field);
    }
  }
  const auto settled = redline::replay_lane(fields.data(), 1000);
  std::set<double> ids;
  for (std::size_t i = 0; i < settled.size(); i += redline::kReplaySettlementFields) ids.insert(settled[i]);
  require(settled.size() == 1000 * redline::kReplaySettlementFields && ids.size() == 1000, "a replayed job was lost");
}

}  // namespace

int main() {
  for (unsigned seed = 1; seed <= 20; ++seed) replay_at_random(seed);
  for (unsigned round = 0; round < 5; ++round) {
    std::vector<std::thread> environments;
    for (unsigned i = 0; i < 4; ++i) environments.emplace_back(live, round * 4 + i, i % 2 == 1);
    for (std::thread& environment : environments) environment.join();
  }
  Host::instance().quiesce();
  std::puts("every job settled exactly once");
  return 0;
}
