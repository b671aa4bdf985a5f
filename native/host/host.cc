// Owns the registry's bookkeeping.

#include "host/host.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "host/clock.h"
#include "host/denormals.h"
#include "host/failure.h"
#include "host/process.h"
#include "host/slot_use.h"

namespace redline {

namespace {

// How long teardown waits for a run to notice that it is stopped: far beyond one node of any real graph.
constexpr std::int64_t kTeardownUs = 5'000'000;

// How long the end of the process waits for a run that was given up: it has been asked to stop before, in vain.
constexpr std::int64_t kLostRunUs = 250'000;

// Reading a thread's processor time is a system call of some 200 ns, as long as the rest of a null run: an inline run
// pays for it once in this many.
constexpr std::uint32_t kInlineCpuSampling = 16;

void quiesce_host() { Host::instance().quiesce(); }

/// Takes an environment's memory out of a session's slots.
void unbind_all(Session* session, const Environment* leaving) {
  for (std::size_t i = 0; i < session->slot_count(); ++i) {
    Slot& slot = session->slot(i);
    if (slot.owner.load() != leaving || !session->begin_use()) continue;
    // A busy one is being bound anew by another environment: the memory there is no longer the leaving one's.
    if (!slot.is_busy.exchange(true)) {
      if (slot.owner.load() == leaving) {
        session->graph().unbind(i);
        slot.owner.store(nullptr);
      }
      slot.is_busy.store(false);
    }
    session->end_use();
  }
}

}  // namespace

Host& Host::instance() {
  // Leaked on purpose: its threads may still run while the process tears down its statics.
  static Host* const host = new Host;
  return *host;
}

Host::Host() {
  stay_mapped();
  inherit_priority(&mutex_);
}

EnvironmentPointer Host::add_environment(std::function<void()> wake) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::make_shared<Environment>(environments_++, std::move(wake));
}

void Host::remove_environment(const EnvironmentPointer& environment) {
  environment->close();
  Environment* const leaving = environment.get();
  each_lane([leaving](Lane* lane) {
    lane->cancel_where([leaving](const Job& job) { return job.environment.get() == leaving; },
                       Outcome::cancelled_closing);
  });
  std::vector<PendingOpen> opens;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::copy_if(pending_opens_.begin(), pending_opens_.end(), std::back_inserter(opens),
                 [leaving](const PendingOpen& open) { return open.environment == leaving; });
  }
  bool lends_bytes = false;
  // Without the lock: a copy under way is waited for here.
  for (const PendingOpen& open : opens) {
    open.cancellation->cancel();
    lends_bytes = lends_bytes || open.is_on_lent_bytes;
  }
  // Another open holds nothing of the environment: it gives up in its own time, however long its model takes.
  // The host's end has waited already for whatever would stop.
  const std::int64_t limit_us = is_quiesced_.load() ? kLostRunUs : kTeardownUs;
  const bool is_quiet = lends_bytes ? environment->wait_until_idle(limit_us) : environment->wait_for_jobs(limit_us);
  std::vector<std::shared_ptr<Session>> sessions;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& entry : sessions_) sessions.push_back(entry.second);
  }
  for (const std::shared_ptr<Session>& session : sessions) {
    if (is_quiet) unbind_all(session.get(), leaving);
    if (session->leave(leaving)) {
      forget(session->id());
      // Freed here, not on the loader: at process exit no other thread may still be inside the library.
      session->close([session] { session->free_graph(); });
    }
  }
}

void Host::load_ort(const std::string& path, std::uint32_t api_version, LoadDone done) {
  loader_.post([path, api_version, done = std::move(done)] {
    try {
      const OrtLibrary& library = OrtLibrary::load(path, api_version);
      // For processes without JavaScript. Registered once, after the library's own exit handlers, hence called before
      // them; statics the library makes later are gone by then, so JavaScript quiesces the host earlier, when it exits.
      static const bool is_registered = (at_process_exit(quiesce_host), true);
      static_cast<void>(is_registered);
      done({}, &library);
    } catch (const Failure& failure) {
      done({failure.code(), failure.what()}, nullptr);
    }
  });
}

void Host::open(const EnvironmentPointer& environment, OpenRequest request, OpenDone done) {
  auto cancellation = std::make_shared<OpenCancellation>();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const bool is_on_lent_bytes = request.source.bytes != nullptr && request.source.is_lasting;
    pending_opens_.push_back({environment.get(), cancellation, is_on_lent_bytes});
  }
  loader_.post([this, environment, request = std::move(request), cancellation, done = std::move(done)] {
    RequestResult result;
    std::shared_ptr<Session> session;
    try {
      session = open_now(environment, request, cancellation.get());
    } catch (const Failure& failure) {
      result = {failure.code(), failure.what()};
    } catch (const std::exception& error) {
      result = {"MODEL_LOAD_FAILED", error.what()};
    }
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      pending_opens_.erase(std::remove_if(pending_opens_.begin(), pending_opens_.end(),
                                          [&](const PendingOpen& open) { return open.cancellation == cancellation; }),
                           pending_opens_.end());
    }
    done(result, std::move(session));
  });
}

std::shared_ptr<Session> Host::open_now(const EnvironmentPointer& environment, const OpenRequest& request,
                                        OpenCancellation* cancellation) {
  std::unique_ptr<Graph> graph =
      request.make != nullptr ? request.make(request.slots)
      : request.is_null
          ? make_null_graph(request.null, request.slots)
          : open_ort_graph(request.source, request.ort, request.criticality, request.slots, cancellation);
  Lane* lane = lane_for(request.criticality, request.lane_index);
  const std::lock_guard<std::mutex> lock(mutex_);
  // Under the lock: an environment that ends cancels its opens first and looks for its sessions afterwards.
  if (cancellation->is_cancelled()) throw Failure("MODEL_LOAD_FAILED", "the environment that opened it has ended");
  if (next_session_id_ == std::numeric_limits<std::int32_t>::max()) {
    throw Failure("INTERNAL", "this process has opened every session it can name: restart it");
  }
  const std::int32_t id = next_session_id_++;
  auto session = std::make_shared<Session>(id, std::move(graph), lane, request.slots);
  session->join(environment.get());
  sessions_.emplace(id, session);
  return session;
}

void Host::close(std::int32_t session_id, std::function<void()> done) {
  const std::shared_ptr<Session> session = find(session_id);
  if (session == nullptr) {
    loader_.post(std::move(done));
    return;
  }
  // From here on submissions settle `rejected / closed`; what was queued or runs is cancelled below.
  session->close([this, session, done = std::move(done)] {
    loader_.post([this, session, done] {
      session->free_graph();
      forget(session->id());
      done();
    });
  });
  session->lane().cancel_where([&session](const Job& job) { return job.session == session; },
                               Outcome::cancelled_closing);
}

std::shared_ptr<Session> Host::find(std::int32_t session_id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = sessions_.find(session_id);
  return found == sessions_.end() ? nullptr : found->second;
}

void Host::bind(const EnvironmentPointer& environment, std::int32_t session_id, std::size_t slot_index,
                std::vector<Binding> inputs, std::vector<Binding> outputs) {
  const std::shared_ptr<Session> session = find(session_id);
  const GraphUse use(session.get());
  if (!use) throw Failure("SESSION_CLOSED", "bindSlot");
  Slot& slot = session->slot(slot_index);
  const std::vector<TensorSpec>& input_specs = session->graph().inputs();
  const std::vector<TensorSpec>& output_specs = session->graph().outputs();
  if (inputs.size() != input_specs.size() || outputs.size() != output_specs.size()) {
    throw Failure("INPUT_MISSING", "expected " + std::to_string(input_specs.size()) + " inputs and " +
                                       std::to_string(output_specs.size()) + " outputs, received " +
                                       std::to_string(inputs.size()) + " and " + std::to_string(outputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) require_fit(input_specs[i], inputs[i]);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    // Strings have no memory to lend: each run allocates its own.
    if (output_specs[i].dtype == Dtype::string) outputs[i].is_lent = false;
    if (outputs[i].is_lent) require_fit(output_specs[i], outputs[i]);
  }
  const SlotHold hold(&slot);
  session->graph().bind(slot_index, std::move(inputs), std::move(outputs));
  slot.owner.store(environment.get());
  session->join(environment.get());
}

OutputCopy Host::copy_output(std::int32_t session_id, std::size_t slot_index, std::size_t output) {
  const std::shared_ptr<Session> session = find(session_id);
  const GraphUse use(session.get());
  if (!use) throw Failure("SESSION_CLOSED", "takeOutput");
  // Held while it is read: another environment's end would take the memory away.
  const SlotHold hold(&session->slot(slot_index));
  if (output >= session->graph().outputs().size()) {
    throw Failure("INPUT_UNKNOWN", "expected an output below " +
                                       std::to_string(session->graph().outputs().size()) + ", received " +
                                       std::to_string(output));
  }
  return session->graph().copy_output(slot_index, output);
}

void Host::submit(const EnvironmentPointer& environment, const Submission& submission) {
  const auto refuse = [&](Outcome outcome) {
    environment->begin();
    environment->settle({submission.job_id, outcome, -1, now_us(), -1, false}, {});
  };
  std::shared_ptr<Session> session = find(submission.session_id);
  GraphUse use(session.get());
  if (!use) return refuse(Outcome::rejected_closed);
  Slot& slot = session->slot(submission.slot);
  if (slot.is_lost.load()) return refuse(Outcome::rejected_no_slot);
  SlotHold hold(&slot);
  hold.require_owner(environment.get());
  hold.hand_over();
  use.hand_over();
  Lane& lane = session->lane();
  environment->begin();
  slot.job.slot = submission.slot;
  slot.job.flags = submission.flags;
  slot.job.environment = environment;
  slot.job.session = session;
  lane.submit(LaneJob{submission.job_id, submission.session_id, submission.deadline_us, submission.latest_start_us,
                      (submission.flags & kKeepLate) != 0, &slot.job});
  // A close that ran before the job was queued has not seen it; nothing else would stop it.
  if (session->is_closing()) lane.cancel(submission.job_id, Outcome::cancelled_closing);
}

void Host::cancel(std::int64_t job_id, Outcome reason) {
  bool is_found = false;
  each_lane([&](Lane* lane) { is_found = is_found || lane->cancel(job_id, reason); });
}

void Host::publish(std::int32_t session_id, SessionWord word) {
  const std::shared_ptr<Session> session = find(session_id);
  if (session != nullptr) session->lane().publish(session.get(), word);
}

Outcome Host::run_inline(const EnvironmentPointer& environment, std::int32_t session_id, std::size_t slot_index,
                         std::uint32_t flags, InlineTimes* times) {
  const std::shared_ptr<Session> session = find(session_id);
  const GraphUse use(session.get());
  if (!use) return Outcome::rejected_closed;
  if (is_suspended(session->word())) return Outcome::rejected_suspended;
  Slot& slot = session->slot(slot_index);
  if (slot.is_lost.load()) return Outcome::rejected_no_slot;
  const SlotHold hold(&slot);
  hold.require_owner(environment.get());

  std::string message;
  const bool is_sampled = slot.inline_runs++ % kInlineCpuSampling == 0;
  const std::int64_t cpu_before_us = is_sampled ? thread_cpu_us() : -1;
  times->started_us = now_us();
  const bool is_done = [&] {
    const DenormalsFlushed scope;
    return session->graph().run(slot_index, &message);
  }();
  times->settled_us = now_us();
  times->cpu_us = cpu_before_us < 0 ? -1 : thread_cpu_us() - cpu_before_us;
  if (!is_done) {
    environment->leave_message(-1, std::move(message));
    return Outcome::failed_provider;
  }
  if ((flags & kCheckOutputs) != 0 && session->graph().has_non_finite_output(slot_index)) {
    return Outcome::failed_non_finite;
  }
  return Outcome::done_ok;
}

std::vector<LaneSnapshot> Host::lanes() {
  std::vector<LaneSnapshot> snapshots;
  each_lane([&snapshots](Lane* lane) { snapshots.push_back(lane->snapshot()); });
  return snapshots;
}

std::size_t Host::running_jobs(RunningJob* jobs, std::size_t capacity) {
  std::size_t count = 0;
  each_lane([&](Lane* lane) {
    const std::optional<RunningJob> job = lane->running();
    if (!job.has_value()) return;
    if (count < capacity) jobs[count] = *job;
    ++count;
  });
  return count;
}

void Host::replace_lane(Criticality criticality, std::int32_t lane_index) {
  Lane* const lane = find_lane(criticality, lane_index);
  if (lane != nullptr) lane->replace();
}

void Host::quiesce() {
  each_lane([](Lane* lane) { lane->halt(); });
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const PendingOpen& open : pending_opens_) open.cancellation->cancel();
  }
  const auto wait = [this](bool (Lane::*is_over)(std::int64_t), std::int64_t limit_us) {
    const std::int64_t until_us = now_us() + limit_us;
    each_lane([&](Lane* lane) { (lane->*is_over)(until_us - now_us()); });
  };
  wait(&Lane::wait_until_halted, kTeardownUs);
  wait(&Lane::wait_for_lost_runs, kLostRunUs);
  loader_.halt(kTeardownUs);
  is_quiesced_.store(true);
}

Lane* Host::find_lane(Criticality criticality, std::int32_t lane_index) const {
  Lane* found = nullptr;
  each_lane([&](Lane* lane) {
    if (lane->criticality() == criticality && lane->lane_index() == lane_index) found = lane;
  });
  return found;
}

Lane* Host::lane_for(Criticality criticality, std::int32_t lane_index) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Lane* const existing = find_lane(criticality, lane_index);
  if (existing != nullptr) return existing;
  // Never destroyed, like the host.
  auto* const fresh = new Lane(criticality, lane_index, &timer_);
  Lane* last = nullptr;
  each_lane([&last](Lane* lane) { last = lane; });
  if (last == nullptr) {
    first_lane_.store(fresh);
  } else {
    last->set_next(fresh);
  }
  return fresh;
}

void Host::forget(std::int32_t session_id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  sessions_.erase(session_id);
}

}  // namespace redline
