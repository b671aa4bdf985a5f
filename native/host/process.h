// Owns what the host must arrange with its process: staying mapped, and quiet threads when the process exits.
#pragma once

namespace redline {

/// Keeps this library mapped when the JavaScript environment that loaded it ends: its threads outlive any environment.
void stay_mapped();

/// Calls `quiesce` when the process exits, before anything registered until now is torn down.
void at_process_exit(void (*quiesce)());

}  // namespace redline
