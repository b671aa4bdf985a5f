// Owns the question how much memory a process holds at the moment.
#pragma once

#include <cstdint>

namespace redline {

/// Resident bytes of a process by its id; -1 when it has ended or may not be looked at.
std::int64_t resident_bytes(std::int64_t process_id) noexcept;

}  // namespace redline
