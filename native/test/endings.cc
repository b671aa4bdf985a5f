// Owns the ways in which a process ends while the host is at work in it, one for each process: sanitize.mjs plays them all.
// Invariant: the process exits with status 0 in the middle of what the ending is named for; what is wrong with the work
// that goes on meanwhile, or with what is left, is for the sanitizers to see.

#include "test/endings.h"

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "test/caller.h"
#include "test/given.h"

namespace redline::check {

namespace {

constexpr std::int64_t kLongUs = 60'000'000;

/// Left behind, as an environment is whose process exits.
Caller* left_behind() {
  static Caller* callers[8];
  static std::size_t count = 0;
  return callers[count++] = new Caller;
}

std::shared_ptr<Session> run_long(Caller* caller) {
  auto session = caller->open(null_request(kLongUs, 2));
  caller->submit(*session);
  wait_for("the run", is_any_lane_running);
  return session;
}

void begin_opens(Caller* caller, const OpenRequest& request, int count) {
  for (; count > 0; --count) {
    caller->environment()->begin_request();
    Host::instance().open(caller->environment(), request,
                          [environment = caller->environment()](const RequestResult&, const std::shared_ptr<Session>&) {
                            environment->post([] {});
                          });
  }
}

void mid_run() { run_long(left_behind()); }

/// Neither the stop nor the process's end reaches into its one node.
void after_a_run_was_given_up() {
  Caller* const caller = left_behind();
  OpenRequest request = null_request(kLongUs, 2);
  request.null.node_us = kLongUs;
  const auto session = caller->open(request);
  caller->submit(*session);
  wait_for("the run", is_any_lane_running);
  Host::instance().replace_lane(request.criticality, request.lane_index);
  caller->settled(1);
}

void mid_run_of_another_thread() {
  std::thread([] {
    run_long(left_behind());
    std::this_thread::sleep_for(std::chrono::hours(1));
  }).detach();
  wait_for("the run", is_any_lane_running);
}

void while_graphs_open() { begin_opens(left_behind(), null_request(0, 1), 200); }

void mid_close() {
  Caller* const caller = left_behind();
  caller->begin_close(run_long(caller));
}

void while_an_environment_ends() {
  Caller* const leaving = left_behind();
  run_long(leaving);
  std::thread([leaving] { leaving->leave(); }).detach();
}

void never_closed() {
  Caller* const caller = left_behind();
  const auto session = caller->open(null_request(0, 1));
  caller->settlement(caller->submit(*session));
}

Caller* run_model() {
  Caller* const caller = left_behind();
  const auto session = caller->open(model_request(given("LONG_MODEL")));
  // The matrices go with the process, not before.
  static std::unique_ptr<Matrices>* const kept = new std::unique_ptr<Matrices>;
  *kept = caller->bind(session, 0);
  caller->submit(*session);
  wait_for("the run", is_any_lane_running);
  return caller;
}

void mid_run_of_a_model() { run_model(); }

void after_a_run_of_a_model_was_given_up() {
  Caller* const caller = run_model();
  Host::instance().replace_lane(Criticality::interactive, 0);
  caller->settled(1);
}

void while_models_load() { begin_opens(left_behind(), model_request(given("BULKY_MODEL")), 4); }

void after_an_environment_ended_mid_load() {
  Caller* const caller = left_behind();
  begin_opens(caller, model_request(given("BULKY_MODEL")), 4);
  caller->leave();
}

struct Ending {
  const char* name;
  bool has_model;
  void (*begin)();
};

constexpr Ending kEndings[] = {
    {"exit mid-run", false, mid_run},
    {"exit after a run was given up", false, after_a_run_was_given_up},
    {"exit after a run of a model was given up", true, after_a_run_of_a_model_was_given_up},
    {"exit while another thread's environment runs", false, mid_run_of_another_thread},
    {"exit while graphs are opened", false, while_graphs_open},
    {"exit in the middle of a close", false, mid_close},
    {"exit while an environment ends mid-run", false, while_an_environment_ends},
    {"exit with a session that was never closed", false, never_closed},
    {"exit mid-run of a model", true, mid_run_of_a_model},
    {"exit while models load", true, while_models_load},
    {"exit after an environment ended mid-load", true, after_an_environment_ended_mid_load},
};

}  // namespace

void print_endings() {
  for (const Ending& ending : kEndings) std::puts(ending.name);
}

int end(const std::string& name) {
  for (const Ending& ending : kEndings) {
    if (name != ending.name) continue;
    if (ending.has_model && !has_library()) return 0;
    ending.begin();
    std::exit(0);
  }
  std::fprintf(stderr, "no ending \"%s\"\n", name.c_str());
  return 2;
}

}  // namespace redline::check
