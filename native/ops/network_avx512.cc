// Owns the network ops sixteen lanes wide, for x86 with AVX-512.

#if defined(__x86_64__) || defined(_M_X64)
#if !defined(_MSC_VER) || defined(__clang__)
#define REDLINE_LANES __attribute__((target("avx512f")))
#endif

#include "ops/network_lanes_avx512.h"

#include "ops/network.h"

namespace redline::ops {

const NetworkSet* avx512_network() noexcept {
  static constexpr NetworkSet set = network_set<Avx512NetworkLanes, Avx2Dots>("avx512");
  return &set;
}

}  // namespace redline::ops

#else

#include "ops/network_set.h"

namespace redline::ops {

const NetworkSet* avx512_network() noexcept { return nullptr; }

}  // namespace redline::ops

#endif
