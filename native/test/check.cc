// Owns the list of tests and its run.

#include "test/check.h"

#include <cstdio>
#include <vector>

#include "host/failure.h"

namespace redline::check {

namespace {

struct Entry {
  const char* suite;
  const char* name;
  void (*body)();
};

std::vector<Entry>& entries() {
  static std::vector<Entry> list;
  return list;
}

}  // namespace

Test::Test(const char* suite, const char* name, void (*body)()) { entries().push_back({suite, name, body}); }

void require_failure(const std::string& code, void (*call)(void*), void* context) {
  try {
    call(context);
  } catch (const Failure& failure) {
    require(code == failure.code(), "expected " + code + ", received " + failure.code() + ": " + failure.what());
    return;
  }
  throw Broken("expected " + code + ", received nothing");
}

int run_all(const std::string& words) {
  int passed = 0;
  int failed = 0;
  for (const Entry& entry : entries()) {
    const std::string title = std::string(entry.suite) + ": " + entry.name;
    if (title.find(words) == std::string::npos) continue;
    try {
      entry.body();
      ++passed;
      std::printf("ok %s\n", title.c_str());
    } catch (const std::exception& error) {
      ++failed;
      std::printf("FAILED %s: %s\n", title.c_str(), error.what());
    }
    std::fflush(stdout);
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  // A filter that matches nothing has tested nothing.
  return failed > 0 || passed == 0 ? 1 : 0;
}

}  // namespace redline::check
