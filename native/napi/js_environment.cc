// Owns the crossing from native threads to JavaScript and the order of an environment's end.

#include "napi/js_environment.h"

#include <algorithm>
#include <string>
#include <utility>

#include "host/failure.h"
#include "napi/read_value.h"

namespace redline::js {

namespace {

constexpr std::uint32_t kSmallestRing = 2;

napi_ref make_reference(napi_env env, napi_value value) {
  napi_ref reference = nullptr;
  if (napi_create_reference(env, value, 1, &reference) != napi_ok) {
    throw Failure("INTERNAL", "a reference could not be made");
  }
  return reference;
}

}  // namespace

JsEnvironment* JsEnvironment::create(Napi::Env env) {
  auto* self = new JsEnvironment(env);
  napi_value name = Napi::String::New(env, "redline");
  // The finalizer is the last thing that happens to the environment's record, after every wake.
  const napi_status status = napi_create_threadsafe_function(
      env, nullptr, nullptr, name, 0, 1, self,
      [](napi_env, void* data, void*) { delete static_cast<JsEnvironment*>(data); }, self, on_wake, &self->signal_);
  if (status != napi_ok) {
    delete self;
    throw Napi::Error::New(env, "the addon's wake could not be created");
  }
  napi_unref_threadsafe_function(env, self->signal_);
  self->environment_ = Host::instance().add_environment([signal = self->signal_] {
    napi_call_threadsafe_function(signal, nullptr, napi_tsfn_nonblocking);
  });
  // Hooks run last in, first out: this one before the one that closes `signal_`.
  napi_add_env_cleanup_hook(env, tear_down, self);
  return self;
}

void JsEnvironment::hold() {
  if (is_held_) return;
  is_held_ = true;
  napi_ref_threadsafe_function(env_, signal_);
}

std::int64_t JsEnvironment::attach(Napi::Value ring, Napi::Value cursor, Napi::Value wake) {
  if (wake_ != nullptr) throw Failure("INTERNAL", "attach: this environment is attached already");
  View records{};
  View counts{};
  if (!read_view(env_, ring, &records) || records.type != napi_float64_array || !records.is_shared) {
    throw Failure("INTERNAL", "attach: expected the ring as a Float64Array on a SharedArrayBuffer");
  }
  if (!read_view(env_, cursor, &counts) || counts.type != napi_int32_array || !counts.is_shared ||
      counts.length < 2) {
    throw Failure("INTERNAL", "attach: expected the cursor as an Int32Array of 2 on a SharedArrayBuffer");
  }
  if (!wake.IsFunction()) throw Failure("INTERNAL", "attach: expected a wake function");
  const std::size_t capacity = records.length / kCompletionFields;
  if (records.length % kCompletionFields != 0 || capacity < kSmallestRing || (capacity & (capacity - 1)) != 0 ||
      capacity > (1u << 24)) {
    throw Failure("INTERNAL", "attach: expected a ring of a power of two of records, received " +
                                  std::to_string(records.length) + " numbers");
  }
  ring_ = make_reference(env_, ring);
  cursor_ = make_reference(env_, cursor);
  wake_ = make_reference(env_, wake);
  environment_->attach_ring(static_cast<double*>(records.data), static_cast<std::uint32_t>(capacity),
                            static_cast<std::int32_t*>(counts.data));
  return environment_->first_job_id();
}

void JsEnvironment::pin(std::int32_t session_id, std::size_t slot, const std::vector<napi_value>& views) {
  PinnedSlot fresh;
  for (napi_value value : views) {
    View view{};
    if (!read_view(env_, value, &view)) continue;
    fresh.views.push_back(make_reference(env_, value));
    if (!view.is_shared && view.length > 0) fresh.detachable.emplace_back(fresh.views.back(), view.data);
  }
  PinnedSlot& pinned = pinned_[key_of(session_id, slot)];
  unpin(&pinned);
  pinned = std::move(fresh);
  if (!pinned.detachable.empty()) ++detachable_slots_;
}

void JsEnvironment::unpin(PinnedSlot* pinned) {
  if (!pinned->detachable.empty()) --detachable_slots_;
  for (napi_ref reference : pinned->views) napi_delete_reference(env_, reference);
  *pinned = PinnedSlot{};
}

void JsEnvironment::unpin_session(std::int32_t session_id, const std::shared_ptr<Session>& session) {
  const auto free = std::partition(held_by_runs_.begin(), held_by_runs_.end(),
                                   [](const std::shared_ptr<Session>& held) { return held->has_lost_run(); });
  for (auto held = free; held != held_by_runs_.end(); ++held) unpin_all_of((*held)->id());
  held_by_runs_.erase(free, held_by_runs_.end());
  if (session != nullptr && session->has_lost_run()) {
    held_by_runs_.push_back(session);
  } else {
    unpin_all_of(session_id);
  }
}

void JsEnvironment::unpin_all_of(std::int32_t session_id) {
  for (std::size_t slot = 0; slot < 64; ++slot) {
    const auto found = pinned_.find(key_of(session_id, slot));
    if (found == pinned_.end()) continue;
    unpin(&found->second);
    pinned_.erase(found);
  }
}

void JsEnvironment::require_attached(std::int32_t session_id, std::size_t slot) {
  if (detachable_slots_ == 0) return;
  const auto found = pinned_.find(key_of(session_id, slot));
  if (found == pinned_.end()) return;
  for (const auto& [reference, data] : found->second.detachable) {
    napi_value value = nullptr;
    View view{};
    const bool is_there = napi_get_reference_value(env_, reference, &value) == napi_ok && value != nullptr &&
                          read_view(env_, value, &view);
    if (!is_there || view.data != data || view.length == 0) {
      throw Failure("INPUT_SLOT", "a buffer bound to the slot has been detached");
    }
  }
}

Napi::Value JsEnvironment::request(const std::function<void(std::function<void(Finish)> answer)>& start) {
  napi_deferred deferred = nullptr;
  napi_value promise = nullptr;
  if (napi_create_promise(env_, &deferred, &promise) != napi_ok) {
    throw Failure("INTERNAL", "a promise could not be created");
  }
  hold();
  environment_->begin_request();
  const auto answer = [environment = environment_, env = env_, deferred](Finish finish) {
    environment->post([env, deferred, finish = std::move(finish)] { finish(Napi::Env(env), deferred); });
  };
  try {
    start(answer);
  } catch (const Failure& failure) {
    const std::string message = failure.what();
    answer([code = failure.code(), message](Napi::Env env, napi_deferred pending) {
      napi_reject_deferred(env, pending, make_error(env, code, message).Value());
    });
  }
  return Napi::Value(env_, promise);
}

void JsEnvironment::on_wake(napi_env env, napi_value, void* context, void*) {
  // Without an environment the queue is being emptied at its end: nobody is left to tell.
  if (env == nullptr) return;
  static_cast<JsEnvironment*>(context)->work();
}

void JsEnvironment::work() {
  const Napi::HandleScope scope(env_);
  // Records first: a session's jobs are seen to settle before its close is.
  const auto tasks = environment_->begin_wake();
  if (environment_->has_unread()) call_wake();
  // A reader that does not read stops the loop: `flush` finds no room.
  while (environment_->flush()) call_wake();
  for (const auto& task : tasks) {
    const Napi::HandleScope task_scope(env_);
    try {
      task();
    } catch (const Napi::Error&) {
      // The environment is ending and refuses new JavaScript: its promises end with it.
    }
  }
  if (is_held_ && environment_->is_idle()) {
    is_held_ = false;
    napi_unref_threadsafe_function(env_, signal_);
  }
}

void JsEnvironment::call_wake() {
  napi_value function = nullptr;
  napi_value receiver = nullptr;
  if (wake_ == nullptr || napi_get_reference_value(env_, wake_, &function) != napi_ok) return;
  napi_get_undefined(env_, &receiver);
  if (napi_call_function(env_, receiver, function, 0, nullptr, nullptr) != napi_pending_exception) return;
  napi_value error = nullptr;
  if (napi_get_and_clear_last_exception(env_, &error) == napi_ok) napi_fatal_exception(env_, error);
}

void JsEnvironment::tear_down(void* data) {
  auto* self = static_cast<JsEnvironment*>(data);
  Host::instance().remove_environment(self->environment_);
  for (auto& [key, pinned] : self->pinned_) self->unpin(&pinned);
  self->pinned_.clear();
  for (napi_ref reference : {self->ring_, self->cursor_, self->wake_}) {
    if (reference != nullptr) napi_delete_reference(self->env_, reference);
  }
}

}  // namespace redline::js
