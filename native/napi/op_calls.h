// Owns the ops' calls from JavaScript. Knows no arithmetic.
#pragma once

#include <napi.h>

namespace redline::js {

void define_op_calls(Napi::Env env, Napi::Object exports);

}  // namespace redline::js
