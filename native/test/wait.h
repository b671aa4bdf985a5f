// Owns waiting in these tests: short sleeps, and an end to them.
#pragma once

#include <chrono>
#include <string>
#include <thread>

#include "test/check.h"

namespace redline::check {

/// Waits until a condition holds. A sanitizer makes everything ten times slower: the limit is a hang, not a delay.
template <typename Condition>
void wait_for(const char* what, Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    require(std::chrono::steady_clock::now() < end, std::string("waited too long for ") + what);
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

}  // namespace redline::check
