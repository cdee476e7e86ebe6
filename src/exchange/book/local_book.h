#pragma once

#include <cstdint>
#include <deque>

#include "exchange/book/order_book.h"

// A book kept in step with the venue's: a snapshot and the updates after it, by Binance's futures rule (developers.
// binance.com, "How to manage a local order book correctly"): buffer; take the snapshot L; drop updates with u < L; the
// first one applied has U <= L <= u; then each pu equals the previous u, else start again. An update with pu == L
// follows the snapshot directly and is accepted as the first one too. No I/O: the caller brings snapshots.
namespace quantum::exchange {

class LocalBook {
 public:
  enum class State {
    kBuffering,  // waits for a snapshot; updates are kept
    kSynced,     // the book is the venue's
    kGap,        // an update was missed: the book is empty until Restart() and a new snapshot
  };
  enum class Verdict { kBuffered, kApplied, kOld, kGap };

  explicit LocalBook(size_t buffered_max = 4096, size_t levels_max = 4096)
      : buffered_max_(buffered_max), book_(levels_max) {}

  // Forgets everything and buffers: call on each (re)connection and after a gap, then take a snapshot.
  void Restart();

  // In the order of arrival. In state kGap everything is answered with kGap and dropped.
  Verdict Apply(const DepthUpdate& update);

  // Precondition: state() == kBuffering. kConflict: the snapshot is older than the updates kept; the state stays
  // kBuffering, take a newer one. kInvalidArgument: the snapshot is crossed or the updates kept have a gap: Restart().
  Status Load(const DepthSnapshot& snapshot);

  State state() const { return state_; }
  bool synced() const { return state_ == State::kSynced; }
  const OrderBook& book() const { return book_; }
  int64_t last_update_id() const { return last_update_id_; }
  size_t buffered() const { return buffered_.size(); }

 private:
  Verdict ApplySynced(const DepthUpdate& update);
  Verdict Lose();

  size_t buffered_max_;
  State state_ = State::kBuffering;
  OrderBook book_;
  int64_t last_update_id_ = 0;
  bool bridging_ = false;  // the first update after the snapshot is still to come
  std::deque<DepthUpdate> buffered_;
};

}  // namespace quantum::exchange
