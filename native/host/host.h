// Owns the process-wide registry: the library, sessions, lanes, environments and the threads behind them.
// Knows no JavaScript. Invariant: there is one host per process, it is never destroyed, and ids are never reused.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/environment.h"
#include "host/lane.h"
#include "host/loader.h"
#include "host/null_graph.h"
#include "host/ort_graph.h"
#include "host/session.h"
#include "host/timer.h"

namespace redline {

struct OpenRequest {
  bool is_null = false;
  /// Makes a graph that needs no library, in place of `source`. Called on the loader thread; may throw Failure.
  std::function<std::unique_ptr<Graph>(std::size_t slots)> make;
  OrtSource source;
  Criticality criticality = Criticality::interactive;
  std::int32_t lane_index = 0;
  std::size_t slots = 1;
  OrtOptions ort;
  NullOptions null;
};

/// What became of a request: `code` is null when it succeeded.
struct RequestResult {
  const char* code = nullptr;
  std::string message;
};

struct Submission {
  std::int32_t session_id;
  std::size_t slot;
  std::int64_t job_id;
  std::int64_t deadline_us;
  std::int64_t latest_start_us;
  std::uint32_t flags;
};

struct InlineTimes {
  std::int64_t started_us = -1;
  std::int64_t settled_us = -1;
  std::int64_t cpu_us = -1;
};

using EnvironmentPointer = std::shared_ptr<Environment>;
using OpenDone = std::function<void(const RequestResult&, std::shared_ptr<Session>)>;
using LoadDone = std::function<void(const RequestResult&, const OrtLibrary*)>;

class Host {
 public:
  static Host& instance();

  EnvironmentPointer add_environment(std::function<void()> wake);
  /// Cancels the environment's jobs and opens, waits for what uses its memory, and frees sessions nobody else uses.
  void remove_environment(const EnvironmentPointer& environment);

  /// These three answer on the loader thread.
  void load_ort(const std::string& path, std::uint32_t api_version, LoadDone done);
  void open(const EnvironmentPointer& environment, OpenRequest request, OpenDone done);
  void close(std::int32_t session_id, std::function<void()> done);

  /// The session, or null when it is closed or never was.
  std::shared_ptr<Session> find(std::int32_t session_id);

  /// Throws Failure INPUT_* when the memory does not fit or the slot is busy, SESSION_CLOSED for a closed session.
  void bind(const EnvironmentPointer& environment, std::int32_t session_id, std::size_t slot,
            std::vector<Binding> inputs, std::vector<Binding> outputs);
  OutputCopy copy_output(std::int32_t session_id, std::size_t slot, std::size_t output);

  /// Settles through the environment's ring, whatever happens; throws Failure only for misuse of the slot.
  void submit(const EnvironmentPointer& environment, const Submission& submission);
  void cancel(std::int64_t job_id, Outcome reason);
  /// Gives a session its word: from here on no job starts that it forbids. A session that has closed needs none.
  void publish(std::int32_t session_id, SessionWord word);
  Outcome run_inline(const EnvironmentPointer& environment, std::int32_t session_id, std::size_t slot,
                     std::uint32_t flags, InlineTimes* times);

  std::vector<LaneSnapshot> lanes();
  /// Writes up to `capacity` running jobs and answers how many run.
  std::size_t running_jobs(RunningJob* jobs, std::size_t capacity);
  /// Gives up the job that runs on a lane, with its thread, and goes on with a new one.
  void replace_lane(Criticality criticality, std::int32_t lane_index);

  /// Stops every thread's work before the process's own teardown.
  void quiesce();

 private:
  Host();
  Lane* find_lane(Criticality criticality, std::int32_t lane_index) const;
  Lane* lane_for(Criticality criticality, std::int32_t lane_index);
  template <typename Use>
  void each_lane(Use use) const {
    for (Lane* lane = first_lane_.load(); lane != nullptr; lane = lane->next()) use(lane);
  }
  void forget(std::int32_t session_id);
  std::shared_ptr<Session> open_now(const EnvironmentPointer& environment, const OpenRequest& request,
                                    OpenCancellation* cancellation);

  Timer timer_;
  Loader loader_;
  std::mutex mutex_;
  // The open sessions, and no trace of closed ones: a process may open sessions for years.
  std::unordered_map<std::int32_t, std::shared_ptr<Session>> sessions_;
  std::int32_t next_session_id_ = 0;
  std::atomic<Lane*> first_lane_{nullptr};
  std::atomic<bool> is_quiesced_{false};
  std::uint32_t environments_ = 0;
  struct PendingOpen {
    Environment* environment;
    std::shared_ptr<OpenCancellation> cancellation;
    bool is_on_lent_bytes;
  };
  std::vector<PendingOpen> pending_opens_;
};

}  // namespace redline
