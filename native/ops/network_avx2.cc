// Owns the network ops eight lanes wide, for x86 with AVX2 and FMA.

#if defined(__x86_64__) || defined(_M_X64)
#if !defined(_MSC_VER) || defined(__clang__)
#define REDLINE_LANES __attribute__((target("avx2,f16c,fma")))
#endif

#include "ops/lanes_avx2.h"
#include "ops/network_lanes_x86.h"

#include "ops/network.h"

namespace redline::ops {

namespace {

struct Avx2NetworkLanes : Avx2Lanes {
  REDLINE_LANES static REDLINE_INLINE F fma(F a, F b, F c) noexcept { return _mm256_fmadd_ps(a, b, c); }
  REDLINE_LANES static REDLINE_INLINE F sqrt(F value) noexcept { return _mm256_sqrt_ps(value); }
  REDLINE_LANES static REDLINE_INLINE F at_least(F a, F b) noexcept {
    return _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ), _mm256_set1_ps(1.0f));
  }
};

}  // namespace

const NetworkSet* avx2_network() noexcept {
  static constexpr NetworkSet set = network_set<Avx2NetworkLanes, Avx2Dots>("avx2");
  return &set;
}

}  // namespace redline::ops

#else

#include "ops/network_set.h"

namespace redline::ops {

const NetworkSet* avx2_network() noexcept { return nullptr; }

}  // namespace redline::ops

#endif
