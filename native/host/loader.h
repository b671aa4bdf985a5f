// Owns the one thread on which libraries and models are loaded and freed. Knows no tasks.
// Invariant: tasks run one at a time, in order, at normal priority: threads they create inherit it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

namespace redline {

class Loader {
 public:
  Loader();
  void post(std::function<void()> task);
  /// Drops what has not begun and waits for what has; false after `limit_us`.
  bool halt(std::int64_t limit_us);

 private:
  void loop();

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable quiet_;
  std::deque<std::function<void()>> tasks_;
  bool is_busy_ = false;
  bool is_halted_ = false;
};

}  // namespace redline
