// Owns eight lanes of AVX2 with F16C. Knows no op. Included by the files compiled for them only.
#pragma once

#include <immintrin.h>

#include "ops/lanes.h"

namespace redline::ops {

namespace {

struct Avx2Lanes {
  static constexpr int kWidth = 8;
  using F = __m256;
  using I = __m256i;

  REDLINE_LANES static REDLINE_INLINE F load(const float* from) noexcept { return _mm256_loadu_ps(from); }
  REDLINE_LANES static REDLINE_INLINE I load(const std::int32_t* from) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  REDLINE_LANES static REDLINE_INLINE void store(float* to, F value) noexcept { _mm256_storeu_ps(to, value); }
  REDLINE_LANES static REDLINE_INLINE F set(float value) noexcept { return _mm256_set1_ps(value); }
  REDLINE_LANES static REDLINE_INLINE F add(F a, F b) noexcept { return _mm256_add_ps(a, b); }
  REDLINE_LANES static REDLINE_INLINE F sub(F a, F b) noexcept { return _mm256_sub_ps(a, b); }
  REDLINE_LANES static REDLINE_INLINE F mul(F a, F b) noexcept { return _mm256_mul_ps(a, b); }
  REDLINE_LANES static REDLINE_INLINE F div(F a, F b) noexcept { return _mm256_div_ps(a, b); }
  REDLINE_LANES static REDLINE_INLINE F min(F a, F b) noexcept { return _mm256_min_ps(a, b); }
  REDLINE_LANES static REDLINE_INLINE F max(F a, F b) noexcept { return _mm256_max_ps(a, b); }
  REDLINE_LANES static REDLINE_INLINE F sqrt(F value) noexcept { return _mm256_sqrt_ps(value); }
  REDLINE_LANES static REDLINE_INLINE F reverse(F value) noexcept {
    return _mm256_permutevar8x32_ps(value, _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0));
  }
  REDLINE_LANES static REDLINE_INLINE void unzip(const float* from, F* even, F* odd) noexcept {
    const F low = load(from);
    const F high = load(from + 8);
    *even = in_order(_mm256_shuffle_ps(low, high, 0x88));
    *odd = in_order(_mm256_shuffle_ps(low, high, 0xdd));
  }
  REDLINE_LANES static REDLINE_INLINE void store_columns(float* to, const F (&rows)[8]) noexcept {
    // Pairs of rows, then fours, then halves: eight rows of eight become eight columns.
    const F pair0 = _mm256_unpacklo_ps(rows[0], rows[1]);
    const F pair1 = _mm256_unpackhi_ps(rows[0], rows[1]);
    const F pair2 = _mm256_unpacklo_ps(rows[2], rows[3]);
    const F pair3 = _mm256_unpackhi_ps(rows[2], rows[3]);
    const F pair4 = _mm256_unpacklo_ps(rows[4], rows[5]);
    const F pair5 = _mm256_unpackhi_ps(rows[4], rows[5]);
    const F pair6 = _mm256_unpacklo_ps(rows[6], rows[7]);
    const F pair7 = _mm256_unpackhi_ps(rows[6], rows[7]);
    const F four0 = _mm256_shuffle_ps(pair0, pair2, 0x44);
    const F four1 = _mm256_shuffle_ps(pair0, pair2, 0xee);
    const F four2 = _mm256_shuffle_ps(pair1, pair3, 0x44);
    const F four3 = _mm256_shuffle_ps(pair1, pair3, 0xee);
    const F four4 = _mm256_shuffle_ps(pair4, pair6, 0x44);
    const F four5 = _mm256_shuffle_ps(pair4, pair6, 0xee);
    const F four6 = _mm256_shuffle_ps(pair5, pair7, 0x44);
    const F four7 = _mm256_shuffle_ps(pair5, pair7, 0xee);
    store(to, _mm256_permute2f128_ps(four0, four4, 0x20));
    store(to + 8, _mm256_permute2f128_ps(four1, four5, 0x20));
    store(to + 16, _mm256_permute2f128_ps(four2, four6, 0x20));
    store(to + 24, _mm256_permute2f128_ps(four3, four7, 0x20));
    store(to + 32, _mm256_permute2f128_ps(four0, four4, 0x31));
    store(to + 40, _mm256_permute2f128_ps(four1, four5, 0x31));
    store(to + 48, _mm256_permute2f128_ps(four2, four6, 0x31));
    store(to + 56, _mm256_permute2f128_ps(four3, four7, 0x31));
  }
  REDLINE_LANES static REDLINE_INLINE void split(F value, F* exponent, F* rest) noexcept {
    const __m256i bits = _mm256_castps_si256(value);
    const __m256i power = _mm256_srai_epi32(_mm256_sub_epi32(bits, _mm256_set1_epi32(kHalfRootBits)), 23);
    *exponent = _mm256_cvtepi32_ps(power);
    *rest = _mm256_castsi256_ps(_mm256_sub_epi32(bits, _mm256_slli_epi32(power, 23)));
  }
  REDLINE_LANES static REDLINE_INLINE F zero_nan(F value, F tested) noexcept {
    return _mm256_and_ps(value, _mm256_cmp_ps(tested, tested, _CMP_ORD_Q));
  }
  REDLINE_LANES static REDLINE_INLINE std::uint32_t above(F a, F b) noexcept {
    return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)));
  }
  REDLINE_LANES static REDLINE_INLINE std::uint32_t above_zero(F value) noexcept {
    return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(value, _mm256_setzero_ps(), _CMP_GT_OQ)));
  }
  REDLINE_LANES static REDLINE_INLINE void store_above_zero(std::uint8_t* to, F value) noexcept {
    const __m256i above = _mm256_castps_si256(_mm256_cmp_ps(value, _mm256_setzero_ps(), _CMP_GT_OQ));
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(above), _mm256_extracti128_si256(above, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packs_epi16(words, words));
  }
  REDLINE_LANES static REDLINE_INLINE std::int64_t steps_above_zero(F value) noexcept {
    const F claimed = _mm256_and_ps(value, _mm256_cmp_ps(value, _mm256_setzero_ps(), _CMP_GT_OQ));
    const __m256i steps = _mm256_cvttps_epi32(_mm256_mul_ps(claimed, _mm256_set1_ps(16777216.0f)));
    // Eight numbers of at most 2^24 fit 32 bits.
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(steps), _mm256_extracti128_si256(steps, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return _mm_cvtsi128_si32(sum);
  }

  REDLINE_LANES static REDLINE_INLINE F load_bytes(const std::uint8_t* from) noexcept {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
  }
  REDLINE_LANES static REDLINE_INLINE F gather_bytes(const std::uint8_t* from, I offsets) noexcept {
    return byte_of<0>(gather_pixels<1>(from, offsets));
  }
  REDLINE_LANES static REDLINE_INLINE F gather(const float* from, I offsets) noexcept {
    return _mm256_castsi256_ps(gather_words(reinterpret_cast<const std::uint8_t*>(from), _mm256_slli_epi32(offsets, 2)));
  }
  /// Reads four bytes from each offset on: the caller sees to it that the fourth may be read.
  template <int>
  REDLINE_LANES static REDLINE_INLINE I gather_pixels(const std::uint8_t* from, I offsets) noexcept {
    return gather_words(from, offsets);
  }
  template <int kByte>
  REDLINE_LANES static REDLINE_INLINE F byte_of(I pixels) noexcept {
    return _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32(pixels, 8 * kByte), _mm256_set1_epi32(0xff)));
  }

  REDLINE_LANES static REDLINE_INLINE void store_half(std::uint16_t* to, F value) noexcept {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
  }
  REDLINE_LANES static REDLINE_INLINE void store_u8(std::uint8_t* to, F value) noexcept {
    const __m128i words = words_of(max(min(value, set(255.0f)), set(0.0f)));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
  }
  REDLINE_LANES static REDLINE_INLINE void store_i8(std::int8_t* to, F value) noexcept {
    const __m128i words = words_of(max(min(value, set(127.0f)), set(-128.0f)));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packs_epi16(words, words));
  }

 private:
  /// Undoes what a shuffle within halves leaves: pairs 0 2 1 3.
  REDLINE_LANES static REDLINE_INLINE F in_order(F value) noexcept {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(value), 0xd8));
  }
  static REDLINE_INLINE int word_at(const std::uint8_t* from, int offset) noexcept {
    int found;
    std::memcpy(&found, from + offset, sizeof(found));
    return found;
  }
  /// Loads and inserts: on the processors measured the gather instruction is microcode, and a third slower.
  REDLINE_LANES static REDLINE_INLINE I gather_words(const std::uint8_t* from, I offsets) noexcept {
    const __m128i low = _mm256_castsi256_si128(offsets);
    const __m128i high = _mm256_extracti128_si256(offsets, 1);
    return _mm256_setr_epi32(word_at(from, _mm_extract_epi32(low, 0)), word_at(from, _mm_extract_epi32(low, 1)),
                             word_at(from, _mm_extract_epi32(low, 2)), word_at(from, _mm_extract_epi32(low, 3)),
                             word_at(from, _mm_extract_epi32(high, 0)), word_at(from, _mm_extract_epi32(high, 1)),
                             word_at(from, _mm_extract_epi32(high, 2)), word_at(from, _mm_extract_epi32(high, 3)));
  }
  /// Rounded to nearest, ties to even: the mode that every thread of a process starts with.
  REDLINE_LANES static REDLINE_INLINE __m128i words_of(F value) noexcept {
    const __m256i whole = _mm256_cvtps_epi32(value);
    return _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  }
};

/// Eight floats in a sum: lane t mod 8 takes tap t.
struct Avx2Eight {
  __m256 lanes;

  REDLINE_LANES static REDLINE_INLINE Avx2Eight zero() noexcept { return {_mm256_setzero_ps()}; }
  REDLINE_LANES REDLINE_INLINE void add(const float* a) noexcept { lanes = _mm256_add_ps(lanes, _mm256_loadu_ps(a)); }
  REDLINE_LANES REDLINE_INLINE void add_products(const float* a, const float* b) noexcept {
    lanes = _mm256_add_ps(lanes, _mm256_mul_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b)));
  }
  /// ((0+4)+(2+6))+((1+5)+(3+7)).
  REDLINE_LANES REDLINE_INLINE float total() const noexcept {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
};

/// Eight doubles in a sum: lane t mod 8 takes tap t.
struct Avx2Sum {
  __m256d low;
  __m256d high;

  REDLINE_LANES static REDLINE_INLINE Avx2Sum zero() noexcept { return {_mm256_setzero_pd(), _mm256_setzero_pd()}; }
  /// Eight products of floats, exact in double.
  REDLINE_LANES REDLINE_INLINE void add_products(const float* a, const float* b) noexcept {
    low = _mm256_add_pd(low, _mm256_mul_pd(_mm256_cvtps_pd(_mm_loadu_ps(a)), _mm256_cvtps_pd(_mm_loadu_ps(b))));
    high = _mm256_add_pd(high,
                         _mm256_mul_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + 4)), _mm256_cvtps_pd(_mm_loadu_ps(b + 4))));
  }
  /// Eight squares of `now - factor * before`.
  REDLINE_LANES REDLINE_INLINE void add_squares(const float* now, const float* before, double factor) noexcept {
    const __m256d factors = _mm256_set1_pd(factor);
    const __m256d a = _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(now)),
                                    _mm256_mul_pd(factors, _mm256_cvtps_pd(_mm_loadu_ps(before))));
    const __m256d b = _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(now + 4)),
                                    _mm256_mul_pd(factors, _mm256_cvtps_pd(_mm_loadu_ps(before + 4))));
    low = _mm256_add_pd(low, _mm256_mul_pd(a, a));
    high = _mm256_add_pd(high, _mm256_mul_pd(b, b));
  }
  /// ((0+4)+(2+6))+((1+5)+(3+7)).
  REDLINE_LANES REDLINE_INLINE double total() const noexcept {
    const __m256d four = _mm256_add_pd(low, high);
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
  }
};

}  // namespace

}  // namespace redline::ops
