// Owns the reading of an open request from JavaScript. Knows no defaults but the host's own.
#pragma once

#include <napi.h>

#include "host/host.h"

namespace redline::js {

/// Throws Failure PROVIDER_OPTION naming the field. `bytes` in the request point into the JavaScript array.
OpenRequest read_open_request(Napi::Value value);

}  // namespace redline::js
