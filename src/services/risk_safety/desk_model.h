#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/random.h"
#include "services/risk_safety/execution_client.h"
#include "trading/events.h"

// For tests: what execution and the venue make of approved decisions, and the events they tell of it. One price, so
// that a position is worth what was reserved for it. Thread-safe.
namespace quantum::risk_safety::test {

using trading::event::Decision;

class DeskModel {
 public:
  explicit DeskModel(Decimal wallet) : wallet_(wallet) {}

  // risk.approved, as often as it is delivered.
  void OnApproval(const Decision& decision, Random& random);
  // Some live entry or trade goes on. With `ending` entries only, so that in the end nothing rests.
  void Advance(Random& random, bool ending);
  // What risk-safety asks of an expired decision. One that has not come by then is refused as expired when it comes.
  EntryState AskExpired(const std::string& decision_id);

  // An event on its way to risk-safety. Those of one decision and stream come in their order; any of them may come
  // again, also long after.
  struct Delivery {
    std::string decision_id;
    std::string type;
    std::string payload;
    bool again = false;
  };
  std::optional<Delivery> Next(Random& random);
  void Done(const Delivery& delivery, bool applied, Random& random);

  struct Account {
    Decimal available;
    std::map<std::string, Decimal> positions;  // signed, of every symbol ever traded
    int64_t version = 0;
    WallTime as_of{};
  };
  Account Read(const Clock& clock) const;

  // Neither entries that may still fill nor events that were not delivered.
  bool quiet() const;
  std::set<std::string> open_trades() const;
  // The trades of these decisions that are not closed.
  bool IsClosed(const std::string& decision_id) const;
  std::map<std::string, int> ends() const;  // how often entries and trades ended in which way
  std::vector<std::string> violations() const;

 private:
  enum class State { kResting, kOpen, kClosed, kOver };
  struct Entry {
    Decision decision;
    State state = State::kResting;
    Decimal filled;
    std::map<std::string, std::deque<Delivery>> streams;  // "order", "trade"
    std::set<std::string> busy;                           // streams with a delivery under way
  };

  void AdvanceEntry(Entry& entry, Random& random);
  void End(Entry& entry, std::string_view type, trading::OrderStatus status, const char* how);
  void Close(Entry& entry);
  void TellOrder(Entry& entry, std::string_view type, trading::OrderStatus status);
  bool OppositeOf(const Decision& decision) const;
  Decimal MarginTaken() const;

  const Decimal wallet_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::set<std::string> expired_;
  std::vector<Delivery> old_;  // delivered, and may be again
  std::map<std::string, int> ends_;
  std::vector<std::string> violations_;
  int64_t version_ = 0;
};

inline Decimal Signed(const Decision& decision, Decimal quantity) {
  return decision.side == trading::Side::kBuy ? quantity : -quantity;
}
inline Decimal NotionalOf(const Decision& decision) { return decision.quantity.Times(decision.reference_price); }
inline Decimal MarginOf(const Decision& decision) {
  return NotionalOf(decision).DividedBy(Decimal::FromInt(decision.leverage), trading::Rounding::kUp);
}

}  // namespace quantum::risk_safety::test
