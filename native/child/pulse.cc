// Owns the thread that beats.

#include "child/pulse.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "host/clock.h"

namespace redline::child {

namespace {

// BEAT_MS of runtime/vetting/child-process.ts.
constexpr std::int64_t kBeatUs = 500'000;

}  // namespace

Pulse::Pulse(Pipe* pipe) : pipe_(pipe) {
  std::thread([this] { loop(); }).detach();
}

void Pulse::arm(Graph* graph, std::int64_t deadline_us) {
  const std::lock_guard<std::mutex> lock(mutex_);
  graph_ = graph;
  deadline_us_ = deadline_us;
  is_stopped_ = false;
  changed_.notify_one();
}

bool Pulse::disarm() {
  const std::lock_guard<std::mutex> lock(mutex_);
  graph_ = nullptr;
  deadline_us_ = INT64_MAX;
  return is_stopped_;
}

void Pulse::loop() {
  std::int64_t beat_us = now_us() + kBeatUs;
  while (true) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      const std::int64_t wait_us = std::min(beat_us, deadline_us_) - now_us();
      if (wait_us > 0) changed_.wait_for(lock, std::chrono::microseconds(wait_us));
      if (graph_ != nullptr && now_us() >= deadline_us_) {
        is_stopped_ = true;
        deadline_us_ = INT64_MAX;
        graph_->request_stop(0);
      }
    }
    if (now_us() < beat_us) continue;
    pipe_->send(Line{"beat", 0, {}});
    beat_us = now_us() + kBeatUs;
  }
}

}  // namespace redline::child
