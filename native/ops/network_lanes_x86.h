// Owns sums of bytes by AVX2: bytes widened to 16 bits, since products of bytes in pairs do not fit them. Knows no op.
#pragma once

#include <immintrin.h>

#include "ops/network_lanes.h"

namespace redline::ops {

namespace {

struct Avx2Dots {
  static constexpr std::size_t kTogether = 2;
  /// Two halves of the sums of four columns each.
  __m256i sums[4];

  REDLINE_LANES static REDLINE_INLINE Avx2Dots zero() noexcept {
    const __m256i none = _mm256_setzero_si256();
    return {{none, none, none, none}};
  }
  REDLINE_LANES REDLINE_INLINE void add(const std::int8_t* weights, std::uint32_t four) noexcept {
    const __m256i input =
        _mm256_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_cvtsi32_si128(static_cast<int>(four))));
    for (int quarter = 0; quarter < 4; ++quarter) {
      const __m256i wide =
          _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(weights + 16 * quarter)));
      sums[quarter] = _mm256_add_epi32(sums[quarter], _mm256_madd_epi16(wide, input));
    }
  }
  REDLINE_LANES REDLINE_INLINE void store(std::int32_t* to) const noexcept {
    for (int half = 0; half < 2; ++half) {
      // Columns 0, 1, 4, 5 and 2, 3, 6, 7: pairs are put in order.
      const __m256i added = _mm256_hadd_epi32(sums[2 * half], sums[2 * half + 1]);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 8 * half), _mm256_permute4x64_epi64(added, 0xd8));
    }
  }
};

}  // namespace

}  // namespace redline::ops
