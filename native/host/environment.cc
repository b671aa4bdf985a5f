// Owns the ring protocol: records first, then the count with an atomic store, then one wake.

#include "host/environment.h"

#include <atomic>
#include <chrono>
#include <utility>

#include "host/thread_priority.h"

namespace redline {

namespace {

// 2^36 jobs of an environment last two years at a thousand a second; 2^17 environments stay within 2^53.
constexpr std::int64_t kJobIdsPerEnvironment = std::int64_t{1} << 36;

// A reader that never takes its messages must not grow the host: the oldest go first.
constexpr std::size_t kMessagesKept = 4096;

// The cursors are shared with JavaScript's Atomics, which are lock-free 32-bit operations on the same bytes.
static_assert(std::atomic<std::int32_t>::is_always_lock_free, "the ring needs lock-free cursors");
static_assert(sizeof(std::atomic<std::int32_t>) == sizeof(std::int32_t), "atomics must have no padding");

std::atomic<std::int32_t>& written(std::int32_t* cursor) noexcept {
  return *reinterpret_cast<std::atomic<std::int32_t>*>(cursor);
}

std::atomic<std::int32_t>& read(std::int32_t* cursor) noexcept {
  return *reinterpret_cast<std::atomic<std::int32_t>*>(cursor + 1);
}

}  // namespace

Environment::Environment(std::uint32_t index, std::function<void()> wake)
    : index_(index), wake_(std::move(wake)) {
  inherit_priority(&mutex_);
}

void Environment::attach_ring(double* records, std::uint32_t capacity, std::int32_t* cursor) {
  const std::lock_guard<std::mutex> lock(mutex_);
  records_ = records;
  capacity_ = capacity;
  cursor_ = cursor;
}

bool Environment::is_attached() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return records_ != nullptr;
}

std::int64_t Environment::first_job_id() const noexcept {
  return static_cast<std::int64_t>(index_) * kJobIdsPerEnvironment + 1;
}

void Environment::begin() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++jobs_;
}

void Environment::settle(const Completion& completion, std::string message) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    --jobs_;
    if (jobs_ == 0) quiet_.notify_all();
    if (is_closed_) return;
    if (completion.has_message) {
      if (messages_.size() >= kMessagesKept) messages_.erase(messages_.begin());
      messages_[completion.job_id] = std::move(message);
    }
    if (overflow_.empty() && room() > 0) {
      write(completion);
    } else {
      overflow_.push_back(completion);
    }
    if (!needs_wake()) return;
  }
  announce();
}

void Environment::begin_lost_run() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++lost_runs_;
}

void Environment::end_lost_run() {
  const std::lock_guard<std::mutex> lock(mutex_);
  --lost_runs_;
  if (lost_runs_ == 0) quiet_.notify_all();
}

bool Environment::is_closed() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return is_closed_;
}

void Environment::begin_request() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++requests_;
}

void Environment::post(std::function<void()> task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    --requests_;
    if (requests_ == 0) quiet_.notify_all();
    if (is_closed_) return;
    tasks_.push_back(std::move(task));
    if (!needs_wake()) return;
  }
  announce();
}

std::vector<std::function<void()>> Environment::begin_wake() {
  const std::lock_guard<std::mutex> lock(mutex_);
  is_wake_pending_ = false;
  return std::exchange(tasks_, {});
}

bool Environment::has_unread() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return cursor_ != nullptr && written(cursor_).load() != read(cursor_).load();
}

bool Environment::flush() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (overflow_.empty() || cursor_ == nullptr) return false;
  std::uint32_t space = room();
  if (space == 0) return false;
  for (; space > 0 && !overflow_.empty(); --space) {
    write(overflow_.front());
    overflow_.pop_front();
  }
  return true;
}

bool Environment::is_idle() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return jobs_ == 0 && requests_ == 0 && tasks_.empty() && overflow_.empty();
}

bool Environment::take_message(std::int64_t job_id, std::string* message) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = messages_.find(job_id);
  if (found == messages_.end()) return false;
  *message = std::move(found->second);
  messages_.erase(found);
  return true;
}

void Environment::leave_message(std::int64_t job_id, std::string message) {
  const std::lock_guard<std::mutex> lock(mutex_);
  messages_[job_id] = std::move(message);
}

void Environment::close() {
  std::unique_lock<std::mutex> lock(mutex_);
  is_closed_ = true;
  quiet_.wait(lock, [this] { return waking_ == 0; });
  records_ = nullptr;
  cursor_ = nullptr;
  capacity_ = 0;
  overflow_.clear();
  tasks_.clear();
  messages_.clear();
}

bool Environment::wait_for_jobs(std::int64_t limit_us) {
  std::unique_lock<std::mutex> lock(mutex_);
  return quiet_.wait_for(lock, std::chrono::microseconds(limit_us), [this] { return jobs_ == 0 && lost_runs_ == 0; });
}

bool Environment::wait_until_idle(std::int64_t limit_us) {
  std::unique_lock<std::mutex> lock(mutex_);
  return quiet_.wait_for(lock, std::chrono::microseconds(limit_us),
                         [this] { return jobs_ == 0 && lost_runs_ == 0 && requests_ == 0; });
}

std::uint32_t Environment::room() const noexcept {
  if (cursor_ == nullptr) return 0;
  const auto unread = static_cast<std::uint32_t>(written(cursor_).load()) -
                      static_cast<std::uint32_t>(read(cursor_).load());
  return unread >= capacity_ ? 0 : capacity_ - unread;
}

void Environment::write(const Completion& completion) noexcept {
  const auto count = static_cast<std::uint32_t>(written(cursor_).load());
  double* record = records_ + static_cast<std::size_t>(count & (capacity_ - 1)) * kCompletionFields;
  record[0] = static_cast<double>(completion.job_id);
  record[1] = static_cast<double>(completion.outcome);
  record[2] = static_cast<double>(completion.started_us);
  record[3] = static_cast<double>(completion.settled_us);
  record[4] = static_cast<double>(completion.cpu_us);
  record[5] = completion.has_message ? 1 : 0;
  written(cursor_).store(static_cast<std::int32_t>(count + 1));
}

bool Environment::needs_wake() noexcept {
  if (is_wake_pending_) return false;
  is_wake_pending_ = true;
  ++waking_;
  return true;
}

void Environment::announce() {
  // Without the lock: the woken thread may preempt this one, and must not find the lock taken.
  wake_();
  const std::lock_guard<std::mutex> lock(mutex_);
  --waking_;
  if (waking_ == 0) quiet_.notify_all();
}

}  // namespace redline
