#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/paper/faults/fault.h"
#include "exchange/paper/protocol/rest.h"
#include "platform/base/random.h"

namespace quantum::paper {

// What becomes of a request in a fault's hands. Several faults at once: their delays add up, and the oldest that ends
// the request decides how.
struct Interference {
  int64_t delay_ms = 0;                 // first
  bool dropped = false;                 // then the connection ends without an answer
  std::optional<RestAnswer> answer;     // or this is answered
  std::optional<Decimal> filled_share;  // of an order that goes through: then the rest is cancelled
};

// What is to be done to connections and positions at once.
struct FaultMoment {
  enum class What { kCutStreams, kForgetListenKey, kSettleFunding, kLiquidate } what = What::kCutStreams;
  std::string path;    // of streams: /public, /market, /private; empty: all
  std::string symbol;  // of positions; empty: all
};

// The faults that are in force, and what they do. Pure: time comes with every call, chance from the seed of each fault,
// so that the same questions in the same order get the same answers. Times are real ones, which no skew moves, in
// milliseconds since 1970. For one thread.
class FaultPlan {
 public:
  static constexpr size_t kInForceMost = 64;
  static constexpr size_t kHeldMost = 100'000;  // beyond it, events are told at once

  // The fault's id. kExhausted: too many are in force.
  Result<int64_t> Add(FaultSpec spec, int64_t now_ms);
  bool Remove(int64_t id);
  void Clear() { faults_.clear(); }
  // What Add asked for, once.
  std::vector<FaultMoment> TakeMoments();

  Interference BeforeRequest(const RestRequest& request, int64_t now_ms);
  // It was acted on; `answer` is what it would get. Precondition: what it did is on disk.
  Interference AfterRequest(const RestRequest& request, const RestAnswer& answer, int64_t now_ms);
  // What is told in an event's place, now and in this order.
  std::vector<std::string> OnUserEvent(std::string event, int64_t now_ms);
  // Events that were held back until now.
  std::vector<std::string> TakeDue(int64_t now_ms);
  bool RefusesStream(std::string_view path, int64_t now_ms);
  // What the exchange's clock is off by.
  int64_t skew_ms(int64_t now_ms) const;

  // GET /faults: the registry, and the faults that are or were in force, with how often each has struck.
  std::string ToJson(int64_t now_ms) const;

 private:
  struct Fault {
    int64_t id = 0;
    FaultSpec spec;
    FaultStage stage = FaultStage::kBefore;
    SeededRandom random;
    int64_t until_ms = 0;
    int64_t asked = 0;   // times that it matched
    int64_t struck = 0;  // of those
    bool InForce(int64_t now_ms) const;
    Decimal parameter(std::string_view name) const { return spec.parameters.find(name)->second; }
    int64_t whole(std::string_view name) const { return parameter(name).raw() / Decimal::kOne; }
  };
  struct Held {
    int64_t due_ms = 0;
    std::string event;
    FaultMatch by{};  // of one that is overtaken: what the next one is
  };

  // Whether it strikes this time: counted, and drawn.
  static bool Strikes(Fault& fault, int64_t now_ms);
  static void StrikeBefore(Fault& fault, const RestRequest& request, int64_t now_ms, Interference& interference);
  void Forget(int64_t now_ms);

  std::deque<Fault> faults_;
  int64_t last_id_ = 0;
  std::vector<FaultMoment> moments_;
  std::vector<Held> held_;         // in the order they came
  std::optional<Held> overtaken_;  // waits for the next one
};

}  // namespace quantum::paper
