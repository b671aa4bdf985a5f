// Owns the addon's exports: each function of NativeAddon in runtime/bindings/addon.ts, translated and no more.
// Knows no policy. Invariant: kInterfaceVersion equals INTERFACE_VERSION there.

#include <napi.h>

#include <string>
#include <system_error>
#include <utility>

#include "host/finite.h"
#include "host/host.h"
#include "host/lane_replay.h"
#include "host/process.h"
#include "host/simd.h"
#include "napi/hot_calls.h"
#include "napi/js_environment.h"
#include "napi/op_calls.h"
#include "napi/open_request.h"
#include "napi/program_calls.h"
#include "napi/read_value.h"
#include "napi/shared_memory.h"

namespace redline::js {

namespace {

constexpr int kInterfaceVersion = 7;

using Info = const Napi::CallbackInfo&;

JsEnvironment* self_of(Info info) { return static_cast<JsEnvironment*>(info.Data()); }

const char* criticality_name(Criticality criticality) noexcept {
  switch (criticality) {
    case Criticality::critical:
      return "critical";
    case Criticality::interactive:
      return "interactive";
    case Criticality::background:
      break;
  }
  return "background";
}

/// Turns a Failure of the host into a JavaScript error with its code.
template <Napi::Value (*kCall)(Info)>
Napi::Value guarded(Info info) {
  try {
    return kCall(info);
  } catch (const Failure& failure) {
    throw make_error(info.Env(), failure);
  }
}

std::int32_t session_of(Info info) { return static_cast<std::int32_t>(read_integer(info[0], "sessionId")); }

std::size_t index_of(Napi::Value value, const char* name) {
  const std::int64_t index = read_integer(value, name);
  if (index < 0) throw Failure("INPUT_SLOT", std::string(name) + ": expected 0 or more");
  return static_cast<std::size_t>(index);
}

Napi::Value load_ort(Info info) {
  JsEnvironment* self = self_of(info);
  return self->request([&info](std::function<void(JsEnvironment::Finish)> answer) {
    const std::string path = read_string(info[0], "path");
    const auto version = static_cast<std::uint32_t>(read_integer(info[1], "apiVersion"));
    Host::instance().load_ort(path, version, [answer](const RequestResult& result, const OrtLibrary* library) {
      answer([result, library](Napi::Env env, napi_deferred deferred) {
        if (library == nullptr) {
          napi_reject_deferred(env, deferred, make_error(env, result.code, result.message).Value());
          return;
        }
        Napi::Object object = Napi::Object::New(env);
        object.Set("version", library->version());
        object.Set("isReused", library->is_reused());
        Napi::Array providers = Napi::Array::New(env);
        for (const std::string& name : library->providers()) providers.Set(providers.Length(), name);
        object.Set("providers", providers);
        napi_resolve_deferred(env, deferred, object);
      });
    });
  });
}

Napi::Value describe_session(Napi::Env env, Session* session) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("sessionId", session->id());
  Napi::Array inputs = Napi::Array::New(env);
  for (const TensorSpec& spec : session->graph().inputs()) inputs.Set(inputs.Length(), write_spec(env, spec));
  Napi::Array outputs = Napi::Array::New(env);
  for (const TensorSpec& spec : session->graph().outputs()) outputs.Set(outputs.Length(), write_spec(env, spec));
  object.Set("inputs", inputs);
  object.Set("outputs", outputs);
  return object;
}

Napi::Value open_session(Info info) {
  JsEnvironment* self = self_of(info);
  return self->request([&info, self](std::function<void(JsEnvironment::Finish)> answer) {
    OpenRequest request = read_open_request(info[0]);
    // The loader reads the bytes on its own thread: they must live until it is done, or until the environment ends.
    auto bytes = std::make_shared<Napi::ObjectReference>();
    if (request.source.bytes != nullptr) {
      *bytes = Napi::Persistent(info[0].As<Napi::Object>().Get("bytes").As<Napi::Object>());
      bytes->SuppressDestruct();
    }
    Host::instance().open(
        self->host_environment(), std::move(request),
        [answer, bytes](const RequestResult& result, const std::shared_ptr<Session>& session) {
          answer([result, session, bytes](Napi::Env env, napi_deferred deferred) {
            bytes->Reset();
            if (session == nullptr) {
              napi_reject_deferred(env, deferred, make_error(env, result.code, result.message).Value());
            } else {
              napi_resolve_deferred(env, deferred, describe_session(env, session.get()));
            }
          });
        });
  });
}

Napi::Value close_session(Info info) {
  JsEnvironment* self = self_of(info);
  return self->request([&info, self](std::function<void(JsEnvironment::Finish)> answer) {
    const std::int32_t session_id = session_of(info);
    const std::shared_ptr<Session> session = Host::instance().find(session_id);
    Host::instance().close(session_id, [answer, self, session_id, session] {
      answer([self, session_id, session](Napi::Env env, napi_deferred deferred) {
        self->unpin_session(session_id, session);
        napi_resolve_deferred(env, deferred, env.Undefined());
      });
    });
  });
}

Napi::Value attach(Info info) {
  const std::int64_t first = self_of(info)->attach(info[0], info[1], info[2]);
  return Napi::Number::New(info.Env(), static_cast<double>(first));
}

Napi::Value bind_slot(Info info) {
  JsEnvironment* self = self_of(info);
  const std::int32_t session_id = session_of(info);
  const std::size_t slot = index_of(info[1], "slot");
  if (!info[2].IsArray() || !info[3].IsArray()) throw Failure("INPUT_MISSING", "expected arrays of bindings");
  std::vector<napi_value> views;
  std::vector<Binding> inputs;
  std::vector<Binding> outputs;
  const Napi::Array input_values = info[2].As<Napi::Array>();
  for (std::uint32_t i = 0; i < input_values.Length(); ++i) {
    const Napi::Value value = input_values.Get(i);
    inputs.push_back(read_binding(value, "input " + std::to_string(i)));
    if (inputs.back().dtype != Dtype::string) views.push_back(value.As<Napi::Object>().Get("data"));
  }
  const Napi::Array output_values = info[3].As<Napi::Array>();
  for (std::uint32_t i = 0; i < output_values.Length(); ++i) {
    const Napi::Value value = output_values.Get(i);
    if (value.IsNull()) {
      outputs.emplace_back();
      outputs.back().is_lent = false;
      continue;
    }
    outputs.push_back(read_binding(value, "output " + std::to_string(i)));
    if (outputs.back().dtype != Dtype::string) views.push_back(value.As<Napi::Object>().Get("data"));
  }
  Host::instance().bind(self->host_environment(), session_id, slot, std::move(inputs), std::move(outputs));
  self->pin(session_id, slot, views);
  return info.Env().Undefined();
}

Napi::Value take_message(Info info) {
  std::string message;
  if (!self_of(info)->host_environment()->take_message(read_integer(info[0], "jobId"), &message)) {
    return info.Env().Undefined();
  }
  return Napi::String::New(info.Env(), message);
}

Napi::Value take_output(Info info) {
  const OutputCopy copy =
      Host::instance().copy_output(session_of(info), index_of(info[1], "slot"), index_of(info[2], "output"));
  return write_output(info.Env(), copy);
}

Napi::Value has_non_finite(Info info) {
  View view{};
  if (!read_view(info.Env(), info[0], &view)) throw Failure("INPUT_DTYPE", "expected a Float32Array or Uint16Array");
  if (view.type == napi_float32_array) {
    return Napi::Boolean::New(info.Env(), has_non_finite_f32(view.data, view.length));
  }
  if (view.type == napi_uint16_array) {
    return Napi::Boolean::New(info.Env(), has_non_finite_f16(view.data, view.length));
  }
  throw Failure("INPUT_DTYPE", "expected a Float32Array or Uint16Array");
}

Napi::Value lanes(Info info) {
  Napi::Array result = Napi::Array::New(info.Env());
  for (const LaneSnapshot& lane : Host::instance().lanes()) {
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("criticality", criticality_name(lane.criticality));
    object.Set("laneIndex", lane.lane_index);
    object.Set("regime", regime_name(lane.regime));
    object.Set("cpuUs", static_cast<double>(lane.cpu_us));
    object.Set("queued", static_cast<double>(lane.waiting));
    object.Set("isRunning", lane.is_running);
    result.Set(result.Length(), object);
  }
  return result;
}

Napi::Value replace_lane(Info info) {
  Host::instance().replace_lane(read_criticality(info[0]),
                                static_cast<std::int32_t>(read_integer(info[1], "laneIndex")));
  return info.Env().Undefined();
}

Napi::Value probe_regimes(Info info) {
  Napi::Object result = Napi::Object::New(info.Env());
  for (const Criticality criticality : {Criticality::critical, Criticality::interactive, Criticality::background}) {
    result.Set(criticality_name(criticality), regime_name(probe_class(criticality)));
  }
  return result;
}

Napi::Value set_real_time(Info info) {
  redline::set_real_time(info[0].ToBoolean().Value());
  return info.Env().Undefined();
}

Napi::Value quiesce(Info info) {
  Host::instance().quiesce();
  return info.Env().Undefined();
}

Napi::Value replay(Info info) {
  const auto read = [&info](std::size_t index, std::size_t fields) {
    View view{};
    if (!read_view(info.Env(), info[index], &view) || view.type != napi_float64_array || view.length % fields != 0) {
      throw Failure("INTERNAL", "replayLane: expected Float64Arrays of 9 numbers for each arrival and 3 for each order");
    }
    return view;
  };
  const View arrivals = read(0, kReplayArrivalFields);
  const View orders = read(1, kReplayOrderFields);
  const std::vector<double> settled =
      replay_lane({static_cast<const double*>(arrivals.data), arrivals.length / kReplayArrivalFields,
                   static_cast<const double*>(orders.data), orders.length / kReplayOrderFields});
  Napi::Float64Array result = Napi::Float64Array::New(info.Env(), settled.size());
  std::copy(settled.begin(), settled.end(), result.Data());
  return result;
}

template <Napi::Value (*kCall)(Info)>
void define(Napi::Object exports, const char* name, JsEnvironment* self) {
  exports.Set(name, Napi::Function::New(exports.Env(), guarded<kCall>, name, self));
}

/// The environment's record, and with the first one the host and its threads. A machine out of threads or files refuses
/// them: the addon then does not load, and says why.
JsEnvironment* create_environment(Napi::Env env) {
  try {
    return JsEnvironment::create(env);
  } catch (const Failure& failure) {
    throw make_error(env, failure);
  } catch (const std::system_error& error) {
    throw make_error(env, "INTERNAL", std::string("the host could not start its threads: ") + error.what());
  }
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  silence_telemetry();
  JsEnvironment* self = create_environment(env);
  exports.Set("interfaceVersion", kInterfaceVersion);
  Napi::Array simd = Napi::Array::New(env);
  for (const std::string& name : probe_simd()) simd.Set(simd.Length(), name);
  exports.Set("simd", simd);
  define<load_ort>(exports, "loadOrt", self);
  define<open_session>(exports, "openSession", self);
  define<close_session>(exports, "closeSession", self);
  define<attach>(exports, "attach", self);
  define<bind_slot>(exports, "bindSlot", self);
  define<take_message>(exports, "takeMessage", self);
  define<take_output>(exports, "takeOutput", self);
  define<has_non_finite>(exports, "hasNonFinite", self);
  define<lanes>(exports, "lanes", self);
  define<replace_lane>(exports, "replaceLane", self);
  define<probe_regimes>(exports, "probeRegimes", self);
  define<set_real_time>(exports, "setRealTime", self);
  define<quiesce>(exports, "quiesce", self);
  define<replay>(exports, "replayLane", self);
  define_hot_calls(env, exports, self);
  define_shared_memory(env, exports);
  define_op_calls(env, exports);
  define_program_calls(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(redline, initialize)

}  // namespace redline::js
