// Owns one JavaScript environment's completion ring, its overflow and the wake that announces news.
// Knows no Node: the ring is borrowed memory and the wake a function that any thread may call.
// Invariant: after `close` neither is touched again, whichever thread settles a job.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "host/outcome.h"

namespace redline {

/// COMPLETION_FIELDS of runtime/bindings/addon.ts, in order.
struct Completion {
  std::int64_t job_id;
  Outcome outcome;
  std::int64_t started_us;
  std::int64_t settled_us;
  std::int64_t cpu_us;
  bool has_message;
};

inline constexpr std::size_t kCompletionFields = 6;

class Environment {
 public:
  /// `wake` is called from any thread, at most once until `begin_wake`.
  Environment(std::uint32_t index, std::function<void()> wake);

  /// `capacity` is a power of two, so that the 32-bit counts may wrap.
  void attach_ring(double* records, std::uint32_t capacity, std::int32_t* cursor);
  bool is_attached();

  /// The first of this environment's job ids; they count up from it without meeting another environment's.
  std::int64_t first_job_id() const noexcept;

  /// Counts a job in flight; `settle` takes it off again.
  void begin();
  void settle(const Completion& completion, std::string message);
  /// Counts a run on this environment's memory whose job has settled without its end.
  void begin_lost_run();
  void end_lost_run();
  bool is_closed();
  /// Counts a request in flight; `post` takes it off again.
  void begin_request();
  /// Hands a request's answer to the environment's own thread. Dropped when the environment is closed.
  void post(std::function<void()> task);

  /// Called on the environment's thread when woken: takes the tasks and allows the next wake.
  std::vector<std::function<void()>> begin_wake();
  /// Whether the ring holds records JavaScript has not read.
  bool has_unread();
  /// Moves overflow into the ring; whether anything moved.
  bool flush();
  /// Whether no job or request is in flight and nothing waits to be read. Nobody waits for a run that was given up.
  bool is_idle();

  bool take_message(std::int64_t job_id, std::string* message);
  void leave_message(std::int64_t job_id, std::string message);

  /// Cuts the environment off from its ring and its thread.
  void close();
  /// Waits until no job is in flight and no run uses the environment's memory; false after `limit_us`.
  bool wait_for_jobs(std::int64_t limit_us);
  /// Waits until no request is in flight either; false after `limit_us`.
  bool wait_until_idle(std::int64_t limit_us);

 private:
  std::uint32_t room() const noexcept;
  void write(const Completion& completion) noexcept;
  /// Whether the caller, having let go of the lock, must call `announce`.
  bool needs_wake() noexcept;
  void announce();

  const std::uint32_t index_;
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable quiet_;
  bool is_closed_ = false;
  bool is_wake_pending_ = false;
  std::size_t jobs_ = 0;
  std::size_t lost_runs_ = 0;
  std::size_t requests_ = 0;
  // Threads inside `wake_`: `close` waits for them.
  std::size_t waking_ = 0;
  double* records_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::int32_t* cursor_ = nullptr;
  std::deque<Completion> overflow_;
  std::vector<std::function<void()>> tasks_;
  std::map<std::int64_t, std::string> messages_;
};

}  // namespace redline
