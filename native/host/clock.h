// Owns the two clocks of the host: the process-wide monotonic one and the calling thread's processor time.
// Invariant: both count integer microseconds; neither ever goes back.
#pragma once

#include <cstdint>

namespace redline {

/// Monotonic microseconds since an arbitrary origin, the same one for every thread.
std::int64_t now_us() noexcept;

/// Processor time the calling thread has used, or -1 where the system does not say.
std::int64_t thread_cpu_us() noexcept;

}  // namespace redline
