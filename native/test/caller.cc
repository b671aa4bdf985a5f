// Owns the reader of a caller's ring and its requests.

#include "test/caller.h"

#include <future>

#include "host/clock.h"
#include "host/failure.h"

namespace redline::check {

namespace {

// Rows and columns of the models' matrices.
constexpr std::int64_t kSize = 384;

Binding matrix(std::vector<float>* memory) {
  memory->assign(static_cast<std::size_t>(kSize * kSize), 0.5f);
  Binding binding;
  binding.shape = {kSize, kSize};
  binding.data = memory->data();
  binding.bytes = memory->size() * sizeof(float);
  return binding;
}

}  // namespace

OpenRequest null_request(std::int64_t busy_us, std::size_t slots, Criticality criticality) {
  OpenRequest request;
  request.is_null = true;
  request.criticality = criticality;
  request.slots = slots;
  request.null.busy_us = busy_us;
  request.null.node_us = 50;
  return request;
}

OpenRequest model_request(const std::string& path, std::size_t slots) {
  OpenRequest request;
  request.source.path = path;
  request.criticality = Criticality::interactive;
  request.slots = slots;
  return request;
}

Caller::Caller(std::uint32_t ring_records)
    : ring_records_(ring_records),
      ring_(ring_records * kCompletionFields),
      environment_(Host::instance().add_environment([this] { is_woken_.store(true); })) {
  environment_->attach_ring(ring_.data(), ring_records_, cursor_);
  first_id_ = next_id_ = environment_->first_job_id();
}

Caller::~Caller() { leave(); }

void Caller::leave() {
  if (has_left_) return;
  has_left_ = true;
  Host::instance().remove_environment(environment_);
}

std::shared_ptr<Session> Caller::open(const OpenRequest& request) {
  struct Answer {
    RequestResult result;
    std::shared_ptr<Session> session;
  };
  auto answered = std::make_shared<std::promise<Answer>>();
  auto future = answered->get_future();
  environment_->begin_request();
  Host::instance().open(environment_, request,
                        [answered, environment = environment_](const RequestResult& result,
                                                               std::shared_ptr<Session> session) {
                          answered->set_value({result, std::move(session)});
                          environment->post([] {});
                        });
  Answer answer = future.get();
  if (answer.session == nullptr) throw Failure(answer.result.code, answer.result.message);
  return answer.session;
}

std::shared_ptr<std::atomic<bool>> Caller::begin_close(const std::shared_ptr<Session>& session) {
  auto is_done = std::make_shared<std::atomic<bool>>(false);
  environment_->begin_request();
  Host::instance().close(session->id(), [is_done, environment = environment_] {
    is_done->store(true);
    environment->post([] {});
  });
  return is_done;
}

void Caller::close(const std::shared_ptr<Session>& session) {
  const auto is_done = begin_close(session);
  wait_for("a close", [&] { return is_done->load(); });
}

std::unique_ptr<Matrices> Caller::bind(const std::shared_ptr<Session>& session, std::size_t slot) {
  auto memory = std::make_unique<Matrices>();
  Host::instance().bind(environment_, session->id(), slot, {matrix(&memory->in)}, {matrix(&memory->out)});
  return memory;
}

std::int64_t Caller::submit(const Session& session, const JobTimes& times) {
  const std::int64_t job_id = next_id_;
  Host::instance().submit(environment_, {session.id(), times.slot, job_id, times.deadline_us, times.latest_start_us,
                                         times.flags});
  // Only now: a refused submission has no job.
  ++next_id_;
  return job_id;
}

void Caller::cancel(std::int64_t job_id, Outcome reason) { Host::instance().cancel(job_id, reason); }

void Caller::drain() {
  if (!is_woken_.exchange(false)) return;
  for (auto& task : environment_->begin_wake()) task();
  auto* counts = reinterpret_cast<std::atomic<std::int32_t>*>(cursor_);
  do {
    for (std::int32_t read = counts[1].load(); read != counts[0].load(); counts[1].store(++read)) {
      const double* record = &ring_[(static_cast<std::uint32_t>(read) % ring_records_) * kCompletionFields];
      const Settled settled{static_cast<std::int64_t>(record[0]), static_cast<Outcome>(static_cast<int>(record[1])),
                            static_cast<std::int64_t>(record[2]), static_cast<std::int64_t>(record[3])};
      require(settled.job_id >= first_id_ && settled.job_id < next_id_, "a job settled that was never submitted");
      require(positions_.emplace(settled.job_id, settled_.size()).second, "a job settled twice");
      settled_.push_back(settled);
    }
  } while (environment_->flush());
}

const std::vector<Settled>& Caller::settled(std::size_t count) {
  wait_for("settlements", [&] {
    drain();
    return settled_.size() >= count;
  });
  return settled_;
}

const Settled& Caller::settlement(std::int64_t job_id) {
  wait_for("a settlement", [&] {
    drain();
    return positions_.count(job_id) > 0;
  });
  return settled_[positions_.at(job_id)];
}

bool is_any_lane_running() {
  for (const LaneSnapshot& lane : Host::instance().lanes()) {
    if (lane.is_running) return true;
  }
  return false;
}

}  // namespace redline::check
