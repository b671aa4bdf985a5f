// Owns the replay of recorded arrivals through LaneCore in virtual time. Knows no thread.
// Invariant: the order of simultaneous events is the one written in test/native/replay-lane.test.ts.
#pragma once

#include <cstddef>
#include <vector>

namespace redline {

inline constexpr std::size_t kReplayArrivalFields = 8;
inline constexpr std::size_t kReplaySettlementFields = 4;

/// Arrivals and settlements are laid out as `replayLane` of runtime/bindings/addon.ts says.
std::vector<double> replay_lane(const double* fields, std::size_t arrival_count);

}  // namespace redline
