// Owns the one error the host throws at its callers: a code of runtime/core/errors.ts and what happened.
// Invariant: outcomes of jobs are never thrown; only misuse and failed opens are.
#pragma once

#include <stdexcept>
#include <string>

namespace redline {

class Failure : public std::runtime_error {
 public:
  Failure(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const noexcept { return code_; }

 private:
  // Always a string literal: codes are a closed set.
  const char* code_;
};

}  // namespace redline
