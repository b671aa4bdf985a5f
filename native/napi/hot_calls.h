// Owns the calls made once per job: written against the C interface, because every nanosecond counts here.
#pragma once

#include <napi.h>

#include "napi/js_environment.h"

namespace redline::js {

void define_hot_calls(Napi::Env env, Napi::Object exports, JsEnvironment* self);

}  // namespace redline::js
