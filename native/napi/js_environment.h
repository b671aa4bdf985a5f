// Owns what one JavaScript environment holds of the host: its ring, its wake, its pinned views, its pending promises.
// Lives on that environment's thread; only `signal` is called from others.
// Invariant: after `tear_down` the host has no way to reach this environment.
#pragma once

#include <napi.h>

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "host/host.h"

namespace redline::js {

class JsEnvironment {
 public:
  /// Creates the environment's record and registers its end. Throws Napi::Error.
  static JsEnvironment* create(Napi::Env env);

  const EnvironmentPointer& host_environment() const noexcept { return environment_; }

  /// Keeps the process alive until what is in flight has settled.
  void hold();

  /// Takes the ring; throws Failure when it does not fit.
  std::int64_t attach(Napi::Value ring, Napi::Value cursor, Napi::Value wake);

  /// Keeps a slot's views alive in place of the ones it had.
  void pin(std::int32_t session_id, std::size_t slot, const std::vector<napi_value>& views);
  /// Lets go of a closed session's views; later, if a run that was given up may still write to them.
  void unpin_session(std::int32_t session_id, const std::shared_ptr<Session>& session);
  /// Throws Failure INPUT_SLOT when a bound buffer has been detached. Shared buffers cannot be and cost nothing.
  void require_attached(std::int32_t session_id, std::size_t slot);

  /// Starts a request whose `finish` runs on this thread with the promise's deferred.
  using Finish = std::function<void(Napi::Env env, napi_deferred deferred)>;
  Napi::Value request(const std::function<void(std::function<void(Finish)> answer)>& start);

 private:
  struct PinnedSlot {
    std::vector<napi_ref> views;
    std::vector<std::pair<napi_ref, void*>> detachable;
  };

  explicit JsEnvironment(Napi::Env env) : env_(env) {}
  static void on_wake(napi_env env, napi_value callback, void* context, void* data);
  static void tear_down(void* self);
  void work();
  void call_wake();
  void unpin(PinnedSlot* pinned);
  void unpin_all_of(std::int32_t session_id);

  static std::int64_t key_of(std::int32_t session_id, std::size_t slot) noexcept {
    return static_cast<std::int64_t>(session_id) * 64 + static_cast<std::int64_t>(slot);
  }

  const napi_env env_;
  napi_threadsafe_function signal_ = nullptr;
  bool is_held_ = false;
  EnvironmentPointer environment_;
  napi_ref ring_ = nullptr;
  napi_ref cursor_ = nullptr;
  napi_ref wake_ = nullptr;
  std::unordered_map<std::int64_t, PinnedSlot> pinned_;
  std::size_t detachable_slots_ = 0;
  // Closed sessions whose run was given up, looked through at each later close.
  std::vector<std::shared_ptr<Session>> held_by_runs_;
};

}  // namespace redline::js
