// Owns the network ops one lane wide, for any processor.

#include "ops/network_lanes.h"

#include "ops/network.h"

namespace redline::ops {

const NetworkSet* scalar_network() noexcept {
  static constexpr NetworkSet set = network_set<ScalarNetworkLanes, ScalarDots>("scalar");
  return &set;
}

}  // namespace redline::ops
