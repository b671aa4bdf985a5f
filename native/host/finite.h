// Owns the search for NaN and infinity in floats of 32 and 16 bits.
// Invariant: reads each element once, in any alignment the element type allows.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redline {

bool has_non_finite_f32(const void* data, std::size_t count) noexcept;
bool has_non_finite_f16(const void* data, std::size_t count) noexcept;

}  // namespace redline
