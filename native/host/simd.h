// Owns the question which vector instructions this processor has.
#pragma once

#include <string>
#include <vector>

namespace redline {

/// Names in rising order, for example {"sse4.2", "avx2", "avx512", "avx512vnni"} or {"neon", "dotprod"}.
std::vector<std::string> probe_simd();

/// Whether AVX2 and the conversions between float and half (F16C) may be used.
bool has_avx2_and_half();

}  // namespace redline
