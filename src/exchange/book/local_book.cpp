#include "exchange/book/local_book.h"

#include <string>

namespace quantum::exchange {

void LocalBook::Restart() {
  state_ = State::kBuffering;
  book_.Clear();
  buffered_.clear();
  last_update_id_ = 0;
  bridging_ = false;
}

LocalBook::Verdict LocalBook::Lose() {
  state_ = State::kGap;
  book_.Clear();
  buffered_.clear();
  return Verdict::kGap;
}

LocalBook::Verdict LocalBook::Apply(const DepthUpdate& update) {
  switch (state_) {
    case State::kBuffering:
      if (buffered_.size() >= buffered_max_) {
        buffered_.pop_front();  // the snapshot must be newer than what is dropped: Load() sees to it
      }
      buffered_.push_back(update);
      return Verdict::kBuffered;
    case State::kSynced:
      return ApplySynced(update);
    case State::kGap:
      return Verdict::kGap;
  }
  AssertionFailed("every state of a book is handled", __FILE__, __LINE__);
}

LocalBook::Verdict LocalBook::ApplySynced(const DepthUpdate& update) {
  if (bridging_) {
    if (update.last_update_id < last_update_id_) {
      return Verdict::kOld;
    }
    if (update.first_update_id > last_update_id_ && update.previous_update_id != last_update_id_) {
      return Lose();
    }
    bridging_ = false;
  } else if (update.previous_update_id != last_update_id_) {
    return Lose();
  }
  book_.Apply(update);
  last_update_id_ = update.last_update_id;
  return book_.crossed() ? Lose() : Verdict::kApplied;
}

Status LocalBook::Load(const DepthSnapshot& snapshot) {
  QUANTUM_ASSERT(state_ == State::kBuffering);
  for (const DepthUpdate& update : buffered_) {
    if (update.last_update_id < snapshot.last_update_id) {
      continue;
    }
    if (update.first_update_id > snapshot.last_update_id && update.previous_update_id != snapshot.last_update_id) {
      return Error{Errc::kConflict, "depth snapshot " + std::to_string(snapshot.last_update_id) +
                                        " is older than the first update kept (U=" +
                                        std::to_string(update.first_update_id) + "): take a newer one"};
    }
    break;
  }
  book_.Load(snapshot);
  last_update_id_ = snapshot.last_update_id;
  bridging_ = true;
  state_ = State::kSynced;
  if (book_.crossed()) {
    Lose();
  }
  std::deque<DepthUpdate> kept;
  kept.swap(buffered_);
  for (const DepthUpdate& update : kept) {
    if (Apply(update) == Verdict::kGap) {
      return Error{Errc::kInvalidArgument, "depth snapshot " + std::to_string(snapshot.last_update_id) +
                                               " and the updates kept do not join (at U=" +
                                               std::to_string(update.first_update_id) + "): start again"};
    }
  }
  if (state_ == State::kGap) {
    return Error{Errc::kInvalidArgument,
                 "depth snapshot " + std::to_string(snapshot.last_update_id) + " is crossed: start again"};
  }
  return {};
}

}  // namespace quantum::exchange
