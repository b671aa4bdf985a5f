// Owns the exports with which a parent lends memory to a child process and watches what it holds.
#pragma once

#include <napi.h>

namespace redline::js {

void define_shared_memory(Napi::Env env, Napi::Object exports);

}  // namespace redline::js
