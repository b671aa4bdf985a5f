// Owns the question which vector instructions this processor has.
#pragma once

#include <string>
#include <vector>

namespace redline {

/// Names in rising order, for example {"sse4.2", "avx2", "avx512", "avx512vnni"} or {"neon", "dotprod"}.
std::vector<std::string> probe_simd();

/// Whether AVX2 and the conversions between float and half (F16C) may be used.
bool has_avx2_and_half();

/// Whether AVX2 and a product that is added in one step (FMA) may be used.
bool has_avx2_and_fma();

/// Whether AVX-512's foundation may be used, and with it its sums of bytes (VNNI).
bool has_avx512();
bool has_avx512_vnni();

}  // namespace redline
