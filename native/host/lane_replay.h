// Owns the replay of recorded arrivals and orders through LaneCore in virtual time. Knows no thread.
// Invariant: the order of simultaneous events is the one written in test/native/replay-lane.test.ts.
#pragma once

#include <cstddef>
#include <vector>

namespace redline {

inline constexpr std::size_t kReplayArrivalFields = 9;
inline constexpr std::size_t kReplayOrderFields = 3;
inline constexpr std::size_t kReplaySettlementFields = 4;

/// Arrivals, orders and settlements are laid out as `replayLane` of runtime/bindings/addon.ts says.
struct LaneTrace {
  const double* arrivals = nullptr;
  std::size_t arrival_count = 0;
  const double* orders = nullptr;
  std::size_t order_count = 0;
};

std::vector<double> replay_lane(const LaneTrace& trace);

}  // namespace redline
