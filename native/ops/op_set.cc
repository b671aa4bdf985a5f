// Owns the choice of sets by what the processor has.

#include "ops/op_set.h"

#include "host/simd.h"

namespace redline::ops {

const std::vector<const OpSet*>& op_sets() {
  static const std::vector<const OpSet*> sets = [] {
    std::vector<const OpSet*> found{scalar_set()};
    if (avx2_set() != nullptr && has_avx2_and_half()) found.push_back(avx2_set());
    if (neon_set() != nullptr) found.push_back(neon_set());
    return found;
  }();
  return sets;
}

}  // namespace redline::ops
