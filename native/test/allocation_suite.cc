// Owns the rule that a job allocates nothing in native code: not where it is submitted, nor on its lane, nor on the timer.
// The sanitizer calls a hook for every allocation; what the test itself allocates on its own thread is not looked at.

#include <cstddef>
#include <memory>

#include "host/clock.h"
#include "test/caller.h"

// Of the sanitizers' allocator interface, whose header this compiler does not bring along.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*, std::size_t),
                                                         void (*free_hook)(const volatile void*));

namespace redline::check {

namespace {

constexpr const char* kSuite = "allocations";

std::atomic<bool> is_counting{false};
std::atomic<int> allocations{0};
thread_local bool is_own = false;

void note(const volatile void*, std::size_t) {
  if (is_counting.load() && !is_own) allocations.fetch_add(1);
}

void pass_over(const volatile void*) {}

/// What the calling thread allocates meanwhile is the test's own.
class Own {
 public:
  Own() { is_own = true; }
  ~Own() { is_own = false; }
};

/// Runs, drops at submission and while waiting, deadlines, cancels and suspended jobs, some of each; the caller only reads
/// its ring, as JavaScript does.
class Traffic {
 public:
  static constexpr std::size_t kSessions = 4;
  static constexpr std::size_t kSlots = 8;

  Traffic() : environment_(Host::instance().add_environment([] {})), caller_(64) {
    environment_->attach_ring(ring_, kRing, cursor_);
    next_id_ = environment_->first_job_id();
    for (std::size_t i = 0; i < kSessions; ++i) {
      OpenRequest request = null_request(i == 0 ? 300 : 20, kSlots, static_cast<Criticality>(i % kCriticalities));
      request.null.node_us = 10;
      sessions_.push_back(caller_.open(request));
    }
  }
  ~Traffic() {
    for (const std::shared_ptr<Session>& session : sessions_) caller_.close(session);
    Host::instance().remove_environment(environment_);
  }

  /// Submits a slot of every session in one of several ways, and waits for what it submitted.
  void play(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < kSessions; ++i) {
        for (std::size_t slot = 0; slot < kSlots; ++slot) submit(*sessions_[i], slot);
      }
      if (round % 4 == 0) Host::instance().cancel(next_id_ - 2, Outcome::cancelled_signal);
      Host::instance().running_jobs(running_, 8);
      const Own own;
      wait_for("the jobs", [&] { return read(); });
    }
  }

 private:
  static constexpr std::uint32_t kRing = 64;

  void submit(const Session& session, std::size_t slot) {
    const std::int64_t at_us = now_us();
    const std::int64_t kind = next_id_ % 5;
    const std::int64_t deadline_us = kind == 0 ? at_us + 100 : kNeverUs;
    const std::int64_t latest_start_us = kind == 1 ? at_us - 1 : kind == 2 ? at_us + 150 : kNeverUs;
    Host::instance().submit(environment_, {session.id(), slot, next_id_++, deadline_us, latest_start_us, kCheckOutputs});
  }

  bool read() {
    environment_->begin_wake();
    auto* counts = reinterpret_cast<std::atomic<std::int32_t>*>(cursor_);
    counts[1].store(counts[0].load());
    return environment_->is_idle();
  }

  double ring_[kRing * kCompletionFields] = {};
  alignas(4) std::int32_t cursor_[2] = {0, 0};
  EnvironmentPointer environment_;
  Caller caller_;
  std::vector<std::shared_ptr<Session>> sessions_;
  RunningJob running_[8] = {};
  std::int64_t next_id_ = 0;
};

}  // namespace

REDLINE_TEST(kSuite, "a job allocates nothing in native code, however it settles") {
  require(__sanitizer_install_malloc_and_free_hooks(note, pass_over) != 0, "the sanitizer takes no hook");
  Traffic traffic;
  traffic.play(50);
  is_counting.store(true);
  const auto probe = std::make_unique<char[]>(100);
  require(allocations.load() > 0 && probe != nullptr, "an allocation was not seen: the test can see none");
  allocations.store(0);

  traffic.play(300);

  is_counting.store(false);
  require_equal(allocations.load(), 0, "allocations");
}

}  // namespace redline::check
