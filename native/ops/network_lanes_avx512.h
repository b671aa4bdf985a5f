// Owns sixteen lanes of AVX-512 for the network ops. Knows no op. Included by the files compiled for them only.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 warns of the value in its own intrinsics that a full mask leaves unused (bug 105593, mended in 13).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include "ops/network_lanes_x86.h"

namespace redline::ops {

namespace {

struct Avx512NetworkLanes {
  static constexpr int kWidth = 16;
  using F = __m512;

  REDLINE_LANES static REDLINE_INLINE F load(const float* from) noexcept { return _mm512_loadu_ps(from); }
  REDLINE_LANES static REDLINE_INLINE void store(float* to, F value) noexcept { _mm512_storeu_ps(to, value); }
  /// The first lanes only, `count` below sixteen.
  REDLINE_LANES static REDLINE_INLINE void store_first(float* to, F value, std::size_t count) noexcept {
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1u), value);
  }
  REDLINE_LANES static REDLINE_INLINE F set(float value) noexcept { return _mm512_set1_ps(value); }
  REDLINE_LANES static REDLINE_INLINE F add(F a, F b) noexcept { return _mm512_add_ps(a, b); }
  REDLINE_LANES static REDLINE_INLINE F sub(F a, F b) noexcept { return _mm512_sub_ps(a, b); }
  REDLINE_LANES static REDLINE_INLINE F mul(F a, F b) noexcept { return _mm512_mul_ps(a, b); }
  REDLINE_LANES static REDLINE_INLINE F div(F a, F b) noexcept { return _mm512_div_ps(a, b); }
  REDLINE_LANES static REDLINE_INLINE F min(F a, F b) noexcept { return _mm512_min_ps(a, b); }
  REDLINE_LANES static REDLINE_INLINE F max(F a, F b) noexcept { return _mm512_max_ps(a, b); }
  REDLINE_LANES static REDLINE_INLINE F fma(F a, F b, F c) noexcept { return _mm512_fmadd_ps(a, b, c); }
  REDLINE_LANES static REDLINE_INLINE F sqrt(F value) noexcept { return _mm512_sqrt_ps(value); }
  REDLINE_LANES static REDLINE_INLINE F at_least(F a, F b) noexcept {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_GE_OQ), set(1.0f));
  }
  /// Cut off at 0 and 255 before it is rounded, as the other lanes do.
  REDLINE_LANES static REDLINE_INLINE void store_u8(std::uint8_t* to, F value) noexcept {
    const __m512i whole = _mm512_cvtps_epi32(max(min(value, set(255.0f)), set(0.0f)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtusepi32_epi8(whole));
  }
};

}  // namespace

}  // namespace redline::ops
