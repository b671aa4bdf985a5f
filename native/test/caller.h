// Owns what acts on the host in these tests as a JavaScript environment does: a ring of its own, job ids, and a reader.
// Invariant: a job that settles twice, or was never submitted, fails the test that reads it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/host.h"
#include "test/wait.h"

namespace redline::check {

inline constexpr std::int64_t kNeverUs = std::int64_t{1} << 53;

struct Settled {
  std::int64_t job_id;
  Outcome outcome;
  std::int64_t started_us;
  std::int64_t settled_us;
};

struct JobTimes {
  std::int64_t deadline_us = kNeverUs;
  std::int64_t latest_start_us = kNeverUs;
  std::uint32_t flags = 0;
  std::size_t slot = 0;
};

/// A request for a session on null runs of a length.
OpenRequest null_request(std::int64_t busy_us, std::size_t slots, Criticality criticality = Criticality::interactive);
/// A request for a session on a model's file, of one matrix in and one out.
OpenRequest model_request(const std::string& path, std::size_t slots = 1);

/// Square matrices bound to a slot of a model, alive as long as this.
struct Matrices {
  std::vector<float> in;
  std::vector<float> out;
};

class Caller {
 public:
  explicit Caller(std::uint32_t ring_records = 16);
  /// Leaves as an environment does whose worker is terminated, unless `leave` came first.
  ~Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  const EnvironmentPointer& environment() const { return environment_; }

  /// Throws Failure as the host answers it.
  std::shared_ptr<Session> open(const OpenRequest& request);
  /// Waits until the session has closed.
  void close(const std::shared_ptr<Session>& session);
  /// Starts a close; `is_done` of the answer turns true once the session has closed.
  std::shared_ptr<std::atomic<bool>> begin_close(const std::shared_ptr<Session>& session);
  std::unique_ptr<Matrices> bind(const std::shared_ptr<Session>& session, std::size_t slot);

  std::int64_t submit(const Session& session, const JobTimes& times = {});
  void cancel(std::int64_t job_id, Outcome reason = Outcome::cancelled_signal);

  /// Reads what has settled; waits until `count` jobs of this caller's have. Fails after a while.
  const std::vector<Settled>& settled(std::size_t count);
  const Settled& settlement(std::int64_t job_id);
  std::size_t submitted() const { return static_cast<std::size_t>(next_id_ - first_id_); }
  void drain();
  void leave();

 private:
  std::atomic<bool> is_woken_{false};
  const std::uint32_t ring_records_;
  std::vector<double> ring_;
  alignas(4) std::int32_t cursor_[2] = {0, 0};
  EnvironmentPointer environment_;
  std::int64_t first_id_ = 0;
  std::int64_t next_id_ = 0;
  std::vector<Settled> settled_;
  std::map<std::int64_t, std::size_t> positions_;
  bool has_left_ = false;
};

bool is_any_lane_running();

}  // namespace redline::check
