// Owns one opened graph with its slots and the count of what is in flight on it.
// Knows no JavaScript. Invariant: a graph is freed only when closing and with nothing in flight, a run that was given up
// included, and exactly once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "host/environment.h"
#include "host/graph.h"
#include "host/outcome.h"
#include "host/session_word.h"

namespace redline {

class Lane;
class Session;

/// The one job a slot can have in flight.
struct Job {
  std::shared_ptr<Session> session;
  std::shared_ptr<Environment> environment;
  std::size_t slot = 0;
  std::uint32_t flags = 0;
};

struct Slot {
  std::atomic<bool> is_busy{false};
  /// A run that was given up is still in it: the slot stays busy until that returns, if ever.
  std::atomic<bool> is_lost{false};
  /// Whose memory is bound; null when nothing is.
  std::atomic<Environment*> owner{nullptr};
  Job job;
  /// Runs on a caller's thread; only whoever made the slot busy touches it.
  std::uint32_t inline_runs = 0;
};

class Session {
 public:
  Session(std::int32_t id, std::unique_ptr<Graph> graph, Lane* lane, std::size_t slots);

  std::int32_t id() const noexcept { return id_; }
  Graph& graph() noexcept { return *graph_; }
  /// Frees the graph, or leaves that to the run that was given up in it. Only after `close` called back. Whoever closed
  /// it may call this; the second finds nothing.
  void free_graph() noexcept;
  /// A run that was given up is no use of the graph any more that `close` would wait for, but holds it until it returns.
  void begin_lost_run();
  void end_lost_run();
  bool has_lost_run();

  /// What lanes are told about the session; changed under its lane's lock.
  SessionWord word() const noexcept { return word_.load(); }
  void set_word(SessionWord word) noexcept { word_.store(word); }

  Lane& lane() noexcept { return *lane_; }
  std::size_t slot_count() const noexcept { return slot_count_; }
  /// Throws Failure INPUT_SLOT for an index that does not exist.
  Slot& slot(std::size_t index);

  /// Counts a use of the graph; false when the session is closing.
  bool begin_use() noexcept;
  void end_use();

  /// Marks the session as closing and calls `then` once nothing uses it. Every caller's `then` is called.
  void close(std::function<void()> then);
  bool is_closing() const noexcept { return (uses_.load() & kClosing) != 0; }

  /// Environments that opened or bound the session; the last to leave takes it along.
  void join(Environment* environment);
  /// True when no environment is left.
  bool leave(Environment* environment);

 private:
  static constexpr std::uint32_t kClosing = 0x80000000u;
  void finish_close();

  const std::int32_t id_;
  std::unique_ptr<Graph> graph_;
  Lane* const lane_;
  const std::size_t slot_count_;
  const std::unique_ptr<Slot[]> slots_;
  std::atomic<std::uint32_t> uses_{0};

  std::atomic<SessionWord> word_;

  std::mutex free_mutex_;
  std::size_t lost_runs_ = 0;
  bool is_free_wanted_ = false;

  std::mutex mutex_;
  bool is_closed_ = false;
  std::vector<std::function<void()>> closers_;
  std::vector<Environment*> environments_;
};

}  // namespace redline
