// Owns the child's two pipes: requests as they come in, replies that several threads may write.
// Invariant: the child ends when its parent's end of either pipe is closed, whatever it is doing.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>

#include "child/line.h"

namespace redline::child {

class Pipe {
 public:
  /// Starts the thread that reads requests.
  Pipe();
  /// Waits for the next request's text.
  std::string next();
  void send(const Line& line);

 private:
  void read_requests();

  std::mutex read_mutex_;
  std::condition_variable arrived_;
  std::deque<std::string> requests_;
  std::mutex write_mutex_;
};

/// Ends the process at once: no destructor of the library runs, and no thread is waited for.
[[noreturn]] void leave(int status) noexcept;

}  // namespace redline::child
