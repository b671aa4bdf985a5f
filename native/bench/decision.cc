// Owns one program of the bench: what a lane's decision adds to handing a processor from one thread to another, and what is
// allocated for a job. A sample is the time from the opening of a gate, at which a thread waits, to that thread's next
// arrival at a gate: bare, it comes round at once; in the lane its run ends, the job settles, the next of the queue is chosen
// and begun. argv: samples of each kind, samples in a block. Prints one JSON object. Knows no bar.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/eventfd.h>
#include <unistd.h>
#endif

#include "host/clock.h"
#include "host/environment.h"
#include "host/lane.h"
#include "host/session.h"
#include "host/timer.h"

namespace {

// What a thread other than the measuring one allocates, and what the measuring one does where it says so.
std::atomic<long> allocations{0};
thread_local bool is_counted = true;

void* allocate(std::size_t bytes) {
  if (is_counted) allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t bytes) { return allocate(bytes); }
void* operator new[](std::size_t bytes) { return allocate(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace redline {

namespace {

constexpr std::size_t kSessions = 32;
constexpr std::size_t kQueued = 256;
// One more than the share of the queue: the running job holds a slot too.
constexpr std::size_t kSlots = kQueued / kSessions + 1;
// A ring as JavaScript attaches one.
constexpr std::uint32_t kRingRecords = 1024;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Where one thread waits until another lets it go on.
class Gate {
 public:
  void pass() {
    std::unique_lock<std::mutex> lock(mutex_);
    arrived_ns_.store(now_ns());
    arrivals_.fetch_add(1);
    opened_.wait(lock, [this] { return is_open_; });
    is_open_ = false;
  }

  /// Opens for the thread that waits, and answers how long it took until it, or another one, stood here again.
  std::int64_t sample() {
    const std::uint64_t before = arrivals_.load();
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    const std::int64_t opened_ns = now_ns();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      is_open_ = true;
    }
    opened_.notify_one();
    while (arrivals_.load() == before) std::this_thread::sleep_for(std::chrono::microseconds(50));
    return arrived_ns_.load() - opened_ns;
  }

  void wait_for_arrival() {
    while (arrivals_.load() == 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
  std::atomic<std::int64_t> arrived_ns_{0};
  std::atomic<std::uint64_t> arrivals_{0};
};

class GateGraph : public Graph {
 public:
  explicit GateGraph(Gate* gate) : gate_(gate) {}
  const std::vector<TensorSpec>& inputs() const noexcept override { return none_; }
  const std::vector<TensorSpec>& outputs() const noexcept override { return none_; }
  void bind(std::size_t, std::vector<Binding>, std::vector<Binding>) override {}
  void unbind(std::size_t) noexcept override {}
  bool run(std::size_t, std::string*) noexcept override {
    gate_->pass();
    return true;
  }
  void request_stop(std::size_t) noexcept override {}
  void clear_stop(std::size_t) noexcept override {}
  bool has_non_finite_output(std::size_t) const noexcept override { return false; }
  OutputCopy copy_output(std::size_t, std::size_t) const override { return {}; }

 private:
  Gate* const gate_;
  const std::vector<TensorSpec> none_;
};

/// The wake of a real environment: libuv's is a write to a descriptor.
std::function<void()> make_wake() {
#if defined(__linux__)
  const int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return [descriptor] {
    const std::uint64_t one = 1;
    if (write(descriptor, &one, sizeof one) < 0) return;
  };
#else
  return [] {};
#endif
}

/// A lane at work on sessions whose every run waits at a gate, with its queue kept full.
class FullLane {
 public:
  FullLane() : environment_(std::make_shared<Environment>(0, make_wake())), ring_(kRingRecords * kCompletionFields) {
    environment_->attach_ring(ring_.data(), kRingRecords, cursor_);
    for (std::size_t i = 0; i < kSessions; ++i) {
      sessions_.push_back(std::make_shared<Session>(static_cast<std::int32_t>(i), std::make_unique<GateGraph>(&gate_),
                                                    &lane_, kSlots));
    }
    fill();
    gate_.wait_for_arrival();
    fill();
  }

  std::int64_t decide() {
    const std::int64_t took_ns = gate_.sample();
    read_records();
    fill();
    return took_ns;
  }

  std::size_t queued() { return lane_.snapshot().waiting; }

 private:
  /// As Host::submit does it; what it allocates counts.
  void fill() {
    for (const std::shared_ptr<Session>& session : sessions_) {
      for (std::size_t slot = 0; slot < kSlots && lane_.snapshot().waiting < kQueued; ++slot) {
        Slot& free = session->slot(slot);
        if (free.is_busy.exchange(true)) continue;
        is_counted = true;
        session->begin_use();
        environment_->begin();
        free.job.slot = slot;
        free.job.flags = kCheckOutputs;
        free.job.environment = environment_;
        free.job.session = session;
        // Due within two minutes, at random: a full queue in no order.
        const std::int64_t deadline_us = now_us() + 20'000'000 + static_cast<std::int64_t>(random_() % 100'000'000);
        lane_.submit(LaneJob{next_id_++, session->id(), deadline_us, deadline_us - 10'000, false, &free.job});
        is_counted = false;
      }
    }
  }

  void read_records() {
    environment_->begin_wake();
    auto* counts = reinterpret_cast<std::atomic<std::int32_t>*>(cursor_);
    counts[1].store(counts[0].load());
  }

  Timer timer_;
  Lane lane_{Criticality::critical, 0, &timer_};
  Gate gate_;
  std::shared_ptr<Environment> environment_;
  std::vector<double> ring_;
  alignas(4) std::int32_t cursor_[2] = {0, 0};
  std::vector<std::shared_ptr<Session>> sessions_;
  std::mt19937 random_{1};
  std::int64_t next_id_ = 1;
};

void print(const char* name, const std::vector<std::int64_t>& samples_ns) {
  std::printf("\"%s\":[", name);
  for (std::size_t i = 0; i < samples_ns.size(); ++i) {
    std::printf("%s%.3f", i == 0 ? "" : ",", static_cast<double>(samples_ns[i]) / 1000);
  }
  std::printf("],");
}

int measure(std::size_t samples, std::size_t block) {
  is_counted = false;
  // Neither ends: the process does, with both at their gates.
  auto* const lane = new FullLane;
  auto* const bare = new Gate;
  std::thread([bare] {
    enter_class(Criticality::critical);
    while (true) bare->pass();
  }).detach();
  bare->wait_for_arrival();
  std::vector<std::int64_t> decisions_ns;
  std::vector<std::int64_t> hand_overs_ns;
  for (std::size_t warm = 0; warm < block; ++warm) {
    lane->decide();
    bare->sample();
  }
  allocations.store(0);
  std::size_t fewest_queued = kQueued;
  while (decisions_ns.size() < samples) {
    for (std::size_t i = 0; i < block; ++i) {
      fewest_queued = std::min(fewest_queued, lane->queued());
      decisions_ns.push_back(lane->decide());
    }
    for (std::size_t i = 0; i < block; ++i) hand_overs_ns.push_back(bare->sample());
  }
  const long counted = allocations.load();
  std::printf("{");
  print("decisionsUs", decisions_ns);
  print("handOversUs", hand_overs_ns);
  std::printf("\"allocations\":%ld,\"jobs\":%zu,\"sessions\":%zu,\"fewestQueued\":%zu}\n", counted, decisions_ns.size(),
              kSessions, fewest_queued);
  std::fflush(stdout);
  std::_Exit(0);
}

}  // namespace

}  // namespace redline

int main(int argc, char** argv) {
  const std::size_t samples = argc > 1 ? static_cast<std::size_t>(std::atoi(argv[1])) : 0;
  const std::size_t block = argc > 2 ? static_cast<std::size_t>(std::atoi(argv[2])) : 0;
  if (samples == 0 || block == 0) {
    std::fputs("decision: expected samples and samples in a block\n", stderr);
    return 2;
  }
  return redline::measure(samples, block);
}
