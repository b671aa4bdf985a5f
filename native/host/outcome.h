// Owns the numeric codes under which jobs settle. Knows nothing of how one is reached.
// Invariant: the order is that of OUTCOME_CODES in runtime/core/outcome.ts; test/native reads every record through it.
#pragma once

#include <cstdint>

namespace redline {

enum class Outcome : std::int32_t {
  done_ok = 0,
  late_kept = 1,
  late_unstoppable = 2,
  rejected_no_slot = 3,
  rejected_not_admitted = 4,
  rejected_closed = 5,
  rejected_suspended = 6,
  dropped_stale = 7,
  dropped_superseded = 8,
  dropped_skipped = 9,
  cancelled_deadline = 10,
  cancelled_signal = 11,
  cancelled_preempted = 12,
  cancelled_closing = 13,
  failed_provider = 14,
  failed_non_finite = 15,
  failed_lost = 16,
};

enum class Criticality : std::int32_t { critical = 0, interactive = 1, background = 2 };
inline constexpr int kCriticalities = 3;

// Bits of a submission, as in runtime/bindings/addon.ts.
inline constexpr std::uint32_t kKeepLate = 1;
inline constexpr std::uint32_t kCheckOutputs = 2;

}  // namespace redline
