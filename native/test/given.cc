// Owns the loading of the library the environment names.

#include "test/given.h"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "host/host.h"
#include "test/wait.h"

namespace redline::check {

namespace {

/// ORT_API_VERSION of runtime/bindings/addon.ts.
constexpr std::uint32_t kApiVersion = 29;

}  // namespace

std::string given(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool has_library() {
  static const bool is_there = !given("ORT_LIBRARY").empty();
  if (!is_there) {
    std::puts("skipped: no ONNX Runtime under this sanitizer");
    return false;
  }
  static const bool is_loaded = [] {
    std::atomic<bool> is_done{false};
    std::string trouble;
    Host::instance().load_ort(given("ORT_LIBRARY"), kApiVersion,
                              [&](const RequestResult& result, const OrtLibrary*) {
                                if (result.code != nullptr) trouble = result.message;
                                is_done.store(true);
                              });
    wait_for("the library", [&] { return is_done.load(); });
    require(trouble.empty(), trouble);
    return true;
  }();
  return is_loaded;
}

}  // namespace redline::check
