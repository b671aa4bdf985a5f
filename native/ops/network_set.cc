// Owns the choice of network sets by what the processor has.

#include "ops/network_set.h"

#include "host/simd.h"

namespace redline::ops {

const std::vector<const NetworkSet*>& network_sets() {
  static const std::vector<const NetworkSet*> sets = [] {
    std::vector<const NetworkSet*> found{scalar_network()};
    if (avx2_network() != nullptr && has_avx2_and_fma()) found.push_back(avx2_network());
    if (avx512_network() != nullptr && has_avx512()) found.push_back(avx512_network());
    if (avx512_vnni_network() != nullptr && has_avx512_vnni()) found.push_back(avx512_vnni_network());
    if (neon_network() != nullptr) found.push_back(neon_network());
    return found;
  }();
  return sets;
}

}  // namespace redline::ops
