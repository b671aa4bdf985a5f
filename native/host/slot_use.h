// Owns two holds that end with their scope: on a session's graph, which then is not freed, and on one of its slots.
// Invariant: what is handed over is let go of by the settlement of the job it was handed to, and by nobody else.
#pragma once

#include "host/failure.h"
#include "host/session.h"

namespace redline {

/// A use of a session's graph, for as long as it lives; empty when the session is closed or never was.
class GraphUse {
 public:
  explicit GraphUse(Session* session) noexcept
      : session_(session != nullptr && session->begin_use() ? session : nullptr) {}
  ~GraphUse() {
    if (session_ != nullptr) session_->end_use();
  }
  GraphUse(const GraphUse&) = delete;
  GraphUse& operator=(const GraphUse&) = delete;
  explicit operator bool() const noexcept { return session_ != nullptr; }
  /// Leaves the graph in use: its job's settlement ends that.
  void hand_over() noexcept { session_ = nullptr; }

 private:
  Session* session_;
};

/// A slot kept from every job and every other environment, for as long as it lives. Throws Failure INPUT_SLOT.
class SlotHold {
 public:
  explicit SlotHold(Slot* slot) : slot_(slot) {
    if (slot->is_busy.exchange(true)) throw Failure("INPUT_SLOT", "the slot has a job in flight");
  }
  ~SlotHold() {
    if (slot_ != nullptr) slot_->is_busy.store(false);
  }
  SlotHold(const SlotHold&) = delete;
  SlotHold& operator=(const SlotHold&) = delete;

  /// Only the holder may ask: until then another environment may be binding its own memory.
  void require_owner(const Environment* environment) const {
    const Environment* owner = slot_->owner.load();
    if (owner != nullptr && owner != environment) {
      throw Failure("INPUT_SLOT", "the slot's memory belongs to another environment");
    }
  }
  /// Leaves the slot busy: its job's settlement frees it.
  void hand_over() noexcept { slot_ = nullptr; }

 private:
  Slot* slot_;
};

}  // namespace redline
