// Owns virtual time: a sequence of instants, each worked through in one fixed order of events.

#include "host/lane_replay.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "host/lane_core.h"

namespace redline {

namespace {

struct Arrival {
  std::int64_t arrival_us;
  std::int64_t cost_us;
  std::int64_t stop_us;
  // Never before the arrival: a job is submitted first, then cancelled.
  std::int64_t cancel_us;
  LaneJob job;
};

/// What a scheduler tells the lane: a session's word, or, without a session, that the lane hangs.
struct Order {
  std::int64_t at_us;
  std::int32_t session_id;
  SessionWord word;
};

constexpr std::int32_t kReplacement = -1;

std::int64_t whole(double value) noexcept {
  // Beyond 2^62 microseconds (146,000 years) a time is as good as never.
  constexpr double kFar = 4.6e18;
  if (std::isnan(value)) return 0;
  if (value >= kFar) return kNever;
  if (value <= -kFar) return -kNever;
  return static_cast<std::int64_t>(value);
}

std::int64_t plus(std::int64_t left_us, std::int64_t right_us) noexcept {
  return left_us >= kNever - right_us ? kNever : left_us + right_us;
}

class Replay {
 public:
  explicit Replay(const LaneTrace& trace) {
    const double* fields = trace.orders;
    for (std::size_t i = 0; i < trace.order_count; ++i, fields += kReplayOrderFields) {
      orders_.push_back({whole(fields[0]), static_cast<std::int32_t>(whole(fields[1])),
                         static_cast<SessionWord>(whole(fields[2]))});
    }
    fields = trace.arrivals;
    arrivals_.reserve(trace.arrival_count);
    for (std::size_t i = 0; i < trace.arrival_count; ++i, fields += kReplayArrivalFields) {
      Arrival arrival{};
      arrival.arrival_us = whole(fields[0]);
      arrival.job.job_id = whole(fields[1]);
      arrival.job.deadline_us = whole(fields[2]);
      arrival.job.latest_start_us = whole(fields[3]);
      arrival.cost_us = whole(fields[4]);
      arrival.stop_us = whole(fields[5]);
      arrival.job.is_late_kept = fields[6] != 0;
      arrival.cancel_us = fields[7] < 0 ? kNever : std::max(whole(fields[7]), arrival.arrival_us);
      arrival.job.session_id = static_cast<std::int32_t>(whole(fields[8]));
      arrivals_.push_back(arrival);
    }
    for (Arrival& arrival : arrivals_) arrival.job.payload = &arrival;
    for (const Arrival& arrival : arrivals_) {
      if (arrival.cancel_us != kNever) cancels_.push_back(&arrival);
    }
    std::sort(cancels_.begin(), cancels_.end(), [](const Arrival* left, const Arrival* right) {
      if (left->cancel_us != right->cancel_us) return left->cancel_us < right->cancel_us;
      return left->job.job_id < right->job.job_id;
    });
  }

  std::vector<double> run() {
    for (std::int64_t at_us = next_us(-kNever); at_us != kNever; at_us = next_us(at_us)) step(at_us);
    return std::move(settled_);
  }

 private:
  std::int64_t end_us() const noexcept { return std::min(natural_end_us_, stopped_end_us_); }

  std::int64_t next_us(std::int64_t after_us) {
    std::int64_t next = lane_.next_timer_us();
    if (lane_.is_running()) next = std::min(next, end_us());
    if (ordered_ < orders_.size()) next = std::min(next, orders_[ordered_].at_us);
    if (arrived_ < arrivals_.size()) next = std::min(next, arrivals_[arrived_].arrival_us);
    if (cancelled_ < cancels_.size()) next = std::min(next, cancels_[cancelled_]->cancel_us);
    return std::max(next, after_us);
  }

  void step(std::int64_t at_us) {
    if (lane_.is_running() && end_us() <= at_us) {
      // A natural end at the very instant a stop bites is still a natural end.
      const bool is_stopped = stopped_end_us_ < natural_end_us_;
      settle(lane_.finish(is_stopped ? RunEnd::failed : RunEnd::completed, at_us));
    }
    for (; ordered_ < orders_.size() && orders_[ordered_].at_us <= at_us; ++ordered_) obey(orders_[ordered_], at_us);
    for (; arrived_ < arrivals_.size() && arrivals_[arrived_].arrival_us <= at_us; ++arrived_) {
      const LaneJob& job = arrivals_[arrived_].job;
      if (auto refused = lane_.submit(job, words_[job.session_id], at_us)) settle(*refused);
    }
    for (; cancelled_ < cancels_.size() && cancels_[cancelled_]->cancel_us <= at_us; ++cancelled_) {
      std::optional<LaneSettlement> settled;
      const auto effect =
          lane_.cancel(cancels_[cancelled_]->job.job_id, Outcome::cancelled_signal, at_us, &settled);
      if (effect == CancelEffect::settled) settle(*settled);
      if (effect == CancelEffect::stopping) stopped_end_us_ = plus(at_us, stop_us_);
    }
    if (lane_.stop_at_deadline(at_us)) stopped_end_us_ = plus(at_us, stop_us_);
    std::vector<LaneSettlement> dropped;
    lane_.drop_stale(at_us, &dropped);
    settle_all(dropped);
    if (auto job = lane_.start(at_us)) {
      const auto* arrival = static_cast<const Arrival*>(job->payload);
      natural_end_us_ = plus(at_us, arrival->cost_us);
      stopped_end_us_ = kNever;
      stop_us_ = arrival->stop_us;
    }
  }

  void obey(const Order& order, std::int64_t at_us) {
    if (order.session_id == kReplacement) {
      if (lane_.is_running()) settle(lane_.lose(at_us));
      return;
    }
    words_[order.session_id] = order.word;
    std::vector<LaneSettlement> called_off;
    if (lane_.publish(order.session_id, order.word, at_us, &called_off)) stopped_end_us_ = plus(at_us, stop_us_);
    settle_all(called_off);
  }

  void settle_all(const std::vector<LaneSettlement>& settlements) {
    for (const LaneSettlement& settlement : settlements) settle(settlement);
  }

  void settle(const LaneSettlement& settlement) {
    settled_.push_back(static_cast<double>(settlement.job.job_id));
    settled_.push_back(static_cast<double>(settlement.outcome));
    settled_.push_back(static_cast<double>(settlement.started_us));
    settled_.push_back(static_cast<double>(settlement.settled_us));
  }

  LaneCore lane_;
  std::vector<Arrival> arrivals_;
  std::vector<const Arrival*> cancels_;
  std::vector<Order> orders_;
  // A session without a word here has its class's plain one: the class changes nothing in a lane.
  std::unordered_map<std::int32_t, SessionWord> words_;
  std::size_t arrived_ = 0;
  std::size_t ordered_ = 0;
  std::size_t cancelled_ = 0;
  std::int64_t natural_end_us_ = kNever;
  std::int64_t stopped_end_us_ = kNever;
  std::int64_t stop_us_ = 0;
  std::vector<double> settled_;
};

}  // namespace

std::vector<double> replay_lane(const LaneTrace& trace) { return Replay(trace).run(); }

}  // namespace redline
