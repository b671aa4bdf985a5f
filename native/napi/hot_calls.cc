// Owns nowUs, submit, cancel, runInline, publish and runningJobs.

#include "napi/hot_calls.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "host/clock.h"
#include "host/failure.h"
#include "napi/read_value.h"

namespace redline::js {

namespace {

// The longest of the argument lists here; what a caller leaves out is undefined.
constexpr std::size_t kMostArguments = 6;

// RUNNING_FIELDS of runtime/bindings/addon.ts, in order.
constexpr std::size_t kRunningFields = 4;
// More lanes than a machine of 64 cores has in three classes.
constexpr std::size_t kMostRunning = 256;

struct Arguments {
  std::array<napi_value, kMostArguments> values{};
  JsEnvironment* self = nullptr;

  Arguments(napi_env env, napi_callback_info info) {
    std::size_t count = kMostArguments;
    void* data = nullptr;
    napi_get_cb_info(env, info, &count, values.data(), nullptr, &data);
    self = static_cast<JsEnvironment*>(data);
  }

  double number(napi_env env, std::size_t index) const {
    double value = 0;
    if (napi_get_value_double(env, values[index], &value) != napi_ok) {
      throw Failure("INTERNAL", "argument " + std::to_string(index) + ": expected a number");
    }
    return value;
  }

  std::int32_t integer(napi_env env, std::size_t index) const {
    std::int32_t value = 0;
    if (napi_get_value_int32(env, values[index], &value) != napi_ok) {
      throw Failure("INTERNAL", "argument " + std::to_string(index) + ": expected a number");
    }
    return value;
  }
};

napi_value throw_failure(napi_env env, const Failure& failure) {
  napi_throw(env, make_error(Napi::Env(env), failure).Value());
  return nullptr;
}

napi_value now(napi_env env, napi_callback_info) {
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>(now_us()), &result);
  return result;
}

napi_value submit(napi_env env, napi_callback_info info) {
  try {
    const Arguments arguments(env, info);
    JsEnvironment* self = arguments.self;
    const std::int32_t slot = arguments.integer(env, 1);
    const Submission submission{arguments.integer(env, 0),
                                static_cast<std::size_t>(slot),
                                time_from(arguments.number(env, 2)),
                                time_from(arguments.number(env, 3)),
                                time_from(arguments.number(env, 4)),
                                static_cast<std::uint32_t>(arguments.integer(env, 5))};
    self->require_attached(submission.session_id, submission.slot);
    Host::instance().submit(self->host_environment(), submission);
    // Only once the job is in: a refused one would hold the process for ever. Its record is read on this thread later.
    self->hold();
    return nullptr;
  } catch (const Failure& failure) {
    return throw_failure(env, failure);
  }
}

napi_value cancel(napi_env env, napi_callback_info info) {
  try {
    constexpr Outcome kReasons[] = {Outcome::cancelled_signal, Outcome::cancelled_preempted,
                                    Outcome::cancelled_closing};
    const Arguments arguments(env, info);
    const std::int32_t reason = arguments.integer(env, 1);
    if (reason < 0 || reason > 2) throw Failure("INTERNAL", "cancel: expected a reason from 0 to 2");
    Host::instance().cancel(time_from(arguments.number(env, 0)), kReasons[reason]);
    return nullptr;
  } catch (const Failure& failure) {
    return throw_failure(env, failure);
  }
}

napi_value run_inline(napi_env env, napi_callback_info info) {
  try {
    const Arguments arguments(env, info);
    JsEnvironment* self = arguments.self;
    View times{};
    if (!read_view(env, arguments.values[3], &times) || times.type != napi_float64_array || times.length < 3) {
      throw Failure("INTERNAL", "runInline: expected times as a Float64Array of 3");
    }
    const std::int32_t session_id = arguments.integer(env, 0);
    const auto slot = static_cast<std::size_t>(arguments.integer(env, 1));
    self->require_attached(session_id, slot);
    InlineTimes taken;
    const Outcome outcome = Host::instance().run_inline(
        self->host_environment(), session_id, slot, static_cast<std::uint32_t>(arguments.integer(env, 2)), &taken);
    auto* fields = static_cast<double*>(times.data);
    fields[0] = static_cast<double>(taken.started_us);
    fields[1] = static_cast<double>(taken.settled_us);
    fields[2] = static_cast<double>(taken.cpu_us);
    napi_value result = nullptr;
    napi_create_int32(env, static_cast<std::int32_t>(outcome), &result);
    return result;
  } catch (const Failure& failure) {
    return throw_failure(env, failure);
  }
}

napi_value publish(napi_env env, napi_callback_info info) {
  try {
    const Arguments arguments(env, info);
    const double word = arguments.number(env, 1);
    const auto bits = static_cast<SessionWord>(word >= 0 && word <= UINT32_MAX ? word : UINT32_MAX);
    if ((bits & 3u) >= kCriticalities) throw Failure("INTERNAL", "publish: expected the 32 bits of encodeWord");
    Host::instance().publish(arguments.integer(env, 0), bits);
    return nullptr;
  } catch (const Failure& failure) {
    return throw_failure(env, failure);
  }
}

napi_value running_jobs(napi_env env, napi_callback_info info) {
  try {
    const Arguments arguments(env, info);
    View view{};
    if (!read_view(env, arguments.values[0], &view) || view.type != napi_float64_array) {
      throw Failure("INTERNAL", "runningJobs: expected a Float64Array");
    }
    std::array<RunningJob, kMostRunning> jobs;
    const std::size_t room = std::min(jobs.size(), view.length / kRunningFields);
    const std::size_t count = Host::instance().running_jobs(jobs.data(), room);
    auto* field = static_cast<double*>(view.data);
    for (std::size_t i = 0; i < std::min(count, room); ++i) {
      *field++ = static_cast<double>(jobs[i].job_id);
      *field++ = static_cast<double>(jobs[i].started_us);
      *field++ = static_cast<double>(jobs[i].criticality);
      *field++ = static_cast<double>(jobs[i].lane_index);
    }
    napi_value result = nullptr;
    napi_create_uint32(env, static_cast<std::uint32_t>(std::min(count, room)), &result);
    return result;
  } catch (const Failure& failure) {
    return throw_failure(env, failure);
  }
}

void define(napi_env env, napi_value exports, const char* name, napi_callback callback, JsEnvironment* self) {
  napi_value function = nullptr;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, self, &function) != napi_ok ||
      napi_set_named_property(env, exports, name, function) != napi_ok) {
    throw Napi::Error::New(env, "the addon's functions could not be defined");
  }
}

}  // namespace

void define_hot_calls(Napi::Env env, Napi::Object exports, JsEnvironment* self) {
  define(env, exports, "nowUs", now, self);
  define(env, exports, "submit", submit, self);
  define(env, exports, "cancel", cancel, self);
  define(env, exports, "runInline", run_inline, self);
  define(env, exports, "publish", publish, self);
  define(env, exports, "runningJobs", running_jobs, self);
}

}  // namespace redline::js
