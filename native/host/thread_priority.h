// Owns the mapping from a criticality class to what the operating system calls it.
// Invariant: the answered regime is the one the thread really has, not the one that was asked for.
#pragma once

#include <mutex>

#include "host/outcome.h"

namespace redline {

/// `real_time` runs before every ordinary thread, `raised` mostly, `nice` is below them, `idle` only when nothing else
/// wants the processor.
enum class Regime { real_time, raised, normal, nice, idle };

const char* regime_name(Regime regime) noexcept;

/// Gives the calling thread its class's priority and answers what it got.
Regime enter_class(Criticality criticality) noexcept;

/// Whether critical threads that start later are to take real-time priority where the system permits it.
void set_real_time(bool is_wanted) noexcept;

/// Gives the calling thread the timer's priority: above every lane, so that a busy lane cannot delay its own deadline.
void enter_timer_class() noexcept;

/// Tries a class on a short-lived thread, so that the caller's own priority stays as it is.
Regime probe_class(Criticality criticality);

/// Makes a mutex lend its holder the priority of a real-time waiter, where the system can. Call before its first use.
void inherit_priority(std::mutex* mutex) noexcept;

/// Names the calling thread for debuggers and profilers; at most 15 characters survive on Linux.
void name_thread(const char* name) noexcept;

}  // namespace redline
