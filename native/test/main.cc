// Owns the program that runs every suite, and last of all the end of the host itself, after which nothing runs in it.
// argv: words that a suite or test must hold, default all; `--endings` lists the ways this process can end at work, and
// `--ending NAME` ends it so.

#include <cstdio>

#include <cstring>

#include "test/caller.h"
#include "test/endings.h"

namespace redline::check {

namespace {

/// The host stops what runs and what loads; a thread that still does either would be seen at the process's exit.
bool ends_while_at_work() {
  // Left behind, as at a real exit: its loads will never answer.
  static Caller* const caller = new Caller;
  const auto session = caller->open(null_request(60'000'000, 2));
  caller->submit(*session);
  wait_for("the run", is_any_lane_running);
  for (int count = 0; count < 20; ++count) {
    caller->environment()->begin_request();
    Host::instance().open(caller->environment(), null_request(0, 1),
                          [environment = caller->environment()](const RequestResult&, const std::shared_ptr<Session>&) {
                            environment->post([] {});
                          });
  }
  Host::instance().quiesce();
  Host::instance().quiesce();
  const bool is_quiet = !is_any_lane_running();
  std::printf("%s host: its end stops what runs, and may come twice\n", is_quiet ? "ok" : "FAILED");
  std::fflush(stdout);
  return is_quiet;
}

}  // namespace

}  // namespace redline::check

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--endings") == 0) {
    redline::check::print_endings();
    return 0;
  }
  if (argc == 3 && std::strcmp(argv[1], "--ending") == 0) return redline::check::end(argv[2]);
  const int status = redline::check::run_all(argc > 1 ? argv[1] : "");
  if (status != 0 || argc > 1) return status;
  return redline::check::ends_while_at_work() ? 0 : 1;
}
