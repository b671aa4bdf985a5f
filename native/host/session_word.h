// Owns the form of a session's word: all that a lane is told about the session, in 32 bits. Knows no session and no lane.
// Invariant: the layout is that of encodeWord in runtime/core/session-word.ts; a word is loaded and stored whole.
#pragma once

#include <cstdint>

#include "host/outcome.h"

namespace redline {

/// Class in two bits, suspended in one, cancelled if blocking in one, the latest-start allowance in the other 28.
using SessionWord = std::uint32_t;

/// What a session starts with: its class, and nothing that would change a job.
constexpr SessionWord initial_word(Criticality criticality) noexcept { return static_cast<SessionWord>(criticality); }

/// No job of it starts.
constexpr bool is_suspended(SessionWord word) noexcept { return (word & 4u) != 0; }

/// Its running job is stopped when the session is suspended.
constexpr bool is_cancelled_if_blocking(SessionWord word) noexcept { return (word & 8u) != 0; }

/// How long before its deadline a job must have started; 0 leaves that to the job.
constexpr std::int64_t latest_start_allowance_us(SessionWord word) noexcept { return word >> 4; }

}  // namespace redline
