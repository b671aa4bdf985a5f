// Owns what the host must arrange with its process: staying mapped, quiet threads at its exit, a silent library.
#pragma once

namespace redline {

/// Keeps this library mapped when the JavaScript environment that loaded it ends: its threads outlive any environment.
void stay_mapped();

/// Calls `quiesce` when the process exits, before anything registered until now is torn down.
void at_process_exit(void (*quiesce)());

/// Keeps an ONNX Runtime loaded later from reporting usage to its maker, unless the user's environment says otherwise.
/// Changes the environment, so it is called before the host starts a thread.
void silence_telemetry();

}  // namespace redline
