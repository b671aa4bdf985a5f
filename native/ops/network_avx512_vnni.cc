// Owns the network ops sixteen lanes wide, with sums of bytes in one instruction, for x86 with AVX-512 VNNI.

#if defined(__x86_64__) || defined(_M_X64)
#if !defined(_MSC_VER) || defined(__clang__)
#define REDLINE_LANES __attribute__((target("avx512f,avx512vnni")))
#endif

#include "ops/network_lanes_avx512.h"

#include "ops/network.h"

namespace redline::ops {

namespace {

struct VnniDots {
  static constexpr std::size_t kTogether = 4;
  __m512i sums;

  REDLINE_LANES static REDLINE_INLINE VnniDots zero() noexcept { return {_mm512_setzero_si512()}; }
  REDLINE_LANES REDLINE_INLINE void add(const std::int8_t* weights, std::uint32_t four) noexcept {
    sums = _mm512_dpbusd_epi32(sums, _mm512_set1_epi32(static_cast<int>(four)), _mm512_loadu_si512(weights));
  }
  REDLINE_LANES REDLINE_INLINE void store(std::int32_t* to) const noexcept { _mm512_storeu_si512(to, sums); }
};

}  // namespace

const NetworkSet* avx512_vnni_network() noexcept {
  static constexpr NetworkSet set = network_set<Avx512NetworkLanes, VnniDots>("avx512vnni");
  return &set;
}

}  // namespace redline::ops

#else

#include "ops/network_set.h"

namespace redline::ops {

const NetworkSet* avx512_vnni_network() noexcept { return nullptr; }

}  // namespace redline::ops

#endif
