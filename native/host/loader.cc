// Owns the loader thread's loop.

#include "host/loader.h"

#include <chrono>
#include <thread>
#include <utility>

#include "host/thread_priority.h"

namespace redline {

Loader::Loader() { std::thread([this] { loop(); }).detach(); }

void Loader::post(std::function<void()> task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (is_halted_) return;
    tasks_.push_back(std::move(task));
  }
  work_.notify_one();
}

bool Loader::halt(std::int64_t limit_us) {
  std::unique_lock<std::mutex> lock(mutex_);
  is_halted_ = true;
  tasks_.clear();
  return quiet_.wait_for(lock, std::chrono::microseconds(limit_us), [this] { return !is_busy_; });
}

void Loader::loop() {
  name_thread("redline-load");
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return !tasks_.empty(); });
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    is_busy_ = true;
    lock.unlock();
    task();
    lock.lock();
    is_busy_ = false;
    quiet_.notify_all();
  }
}

}  // namespace redline
