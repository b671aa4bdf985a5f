// Owns the child process: one host without Node that answers requests on its pipes until its parent is gone.
// Knows no verdict. Invariant: a crash here is the parent's finding: nothing catches signals, and no core is left.

#include "child/pipe.h"
#include "child/pulse.h"
#include "child/worker.h"
#include "host/failure.h"
#include "host/process.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <sys/resource.h>
#endif

namespace {

/// A crash is expected here: it is not to open a dialog nor to fill a disk.
void crash_quietly() {
#if defined(_WIN32)
  SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
#else
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
#endif
}

redline::child::Line failed(std::int64_t id, const char* code, const char* message) {
  redline::child::Line line{"failed", id, {}};
  line.add("code", code);
  line.add("message", message);
  return line;
}

}  // namespace

int main() {
  crash_quietly();
  redline::silence_telemetry();
  // Leaked on purpose: their threads run until the process ends.
  auto* pipe = new redline::child::Pipe;
  auto* pulse = new redline::child::Pulse(pipe);
  auto* worker = new redline::child::Worker(pulse);
  while (true) {
    redline::child::Line request;
    try {
      request = redline::child::parse_line(pipe->next());
      if (request.verb == "quit") redline::child::leave(0);
      pipe->send(worker->answer(request));
    } catch (const redline::Failure& failure) {
      pipe->send(failed(request.id, failure.code(), failure.what()));
    } catch (const std::exception& error) {
      pipe->send(failed(request.id, "MODEL_LOAD_FAILED", error.what()));
    }
  }
}
