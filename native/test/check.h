// Owns the smallest runner of tests without a library: named bodies, what they require, and the count at the end.
// Knows no host. Invariant: a test that throws, or requires what does not hold, fails alone; the others still run.
#pragma once

#include <stdexcept>
#include <string>

namespace redline::check {

class Broken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Fails the running test.
inline void require(bool holds, const std::string& what) {
  if (!holds) throw Broken(what);
}

template <typename Received, typename Expected>
void require_equal(const Received& received, const Expected& expected, const std::string& what) {
  if (received == static_cast<Received>(expected)) return;
  throw Broken(what + ": expected " + std::to_string(static_cast<long long>(expected)) + ", received " +
               std::to_string(static_cast<long long>(received)));
}

/// Requires that `call` throws a Failure with `code`.
void require_failure(const std::string& code, void (*call)(void*), void* context);

template <typename Call>
void require_failure(const std::string& code, Call call) {
  require_failure(code, [](void* context) { (*static_cast<Call*>(context))(); }, &call);
}

/// A test by its sentence. Made at file scope.
struct Test {
  Test(const char* suite, const char* name, void (*body)());
};

/// Runs every test, or those whose suite or name holds `words`; answers how many failed.
int run_all(const std::string& words);

}  // namespace redline::check

#define REDLINE_TEST_ID(prefix, line) prefix##line
#define REDLINE_TEST_AT(suite, name, line)                                                          \
  static void REDLINE_TEST_ID(test_, line)();                                                       \
  static const ::redline::check::Test REDLINE_TEST_ID(entry_, line)(suite, name, REDLINE_TEST_ID(test_, line)); \
  static void REDLINE_TEST_ID(test_, line)()
#define REDLINE_TEST_EXPAND(suite, name, line) REDLINE_TEST_AT(suite, name, line)
#define REDLINE_TEST(suite, name) REDLINE_TEST_EXPAND(suite, name, __LINE__)
