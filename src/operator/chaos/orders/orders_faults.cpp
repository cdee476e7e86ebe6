#include "operator/chaos/orders/orders_faults.h"

#include <csignal>

#include "operator/chaos/wait.h"

namespace quantum::operate::chaos {

namespace {

using namespace std::chrono_literals;
using Struck = const std::function<void()>&;

constexpr Duration kFrozen = 5s;
constexpr Duration kCut = 6s;  // longer than a lease
constexpr Duration kMisbehaves = 5s;
constexpr Duration kHalted = 4s;
constexpr int kKills = 6;
constexpr Duration kBetweenKills = 5s;

// Orders reach the engine late, are answered late, and their fills are told late, so that the fate of some is open
// whenever something strikes.
constexpr const char* kSlow[] = {
    R"({"name":"latency","match":{"method":"POST","path":"/fapi/v1/order"},"parameters":{"ms":80,"tail_share":0}})",
    R"({"name":"late-answer","match":{"method":"POST","path":"/fapi/v1/order"},"parameters":{"ms":150}})",
    R"({"name":"events-delayed","parameters":{"ms":120}})"};
constexpr Duration kSlowFirst = 1s;

Status KillOf(OrdersStage& stage, const std::string& unit, Struck struck) {
  QUANTUM_CHECK(stage.platform().KillUnit(unit));
  struck();
  return {};
}

Status FreezeOf(OrdersStage& stage, const std::string& unit, Struck struck) {
  QUANTUM_CHECK(stage.platform().SignalUnit(unit, SIGSTOP));
  struck();
  fiber::SleepFor(kFrozen);
  return stage.platform().SignalUnit(unit, SIGCONT);
}

// Everything of the exchange that is set here ends with EndFaults.
Status Misbehave(OrdersStage& stage, const std::vector<std::string>& faults, Struck struck) {
  for (const std::string& fault : faults) {
    QUANTUM_CHECK(stage.SetFault(fault));
  }
  struck();
  fiber::SleepFor(kMisbehaves);
  return {};
}

Status KillPostgres(OrdersStage& stage, Struck struck) {
  QUANTUM_TRY(const size_t primary, stage.platform().AwaitPrimary());
  QUANTUM_CHECK(stage.platform().KillPostgres(primary));
  struck();
  return stage.platform().AwaitHealthy(120s);
}

Status FreezePostgres(OrdersStage& stage, Struck struck) {
  QUANTUM_TRY(const size_t primary, stage.platform().AwaitPrimary());
  QUANTUM_CHECK(stage.platform().Freeze(primary));
  struck();
  const auto other = stage.platform().AwaitOtherPrimary(primary);
  QUANTUM_CHECK(stage.platform().Thaw(primary));
  return other.ok() ? stage.platform().AwaitHealthy(120s) : Status(other.error());
}

Status KillRedisMaster(OrdersStage& stage, Struck struck) {
  QUANTUM_TRY(const std::string master, stage.RedisMaster());
  return KillOf(stage, master, struck);
}

Status KillHolder(OrdersStage& stage, Struck struck) {
  QUANTUM_TRY(const std::string holder, stage.ExecutionHolder());
  return KillOf(stage, holder, struck);
}

Status FreezeHolder(OrdersStage& stage, Struck struck) {
  QUANTUM_TRY(const std::string holder, stage.ExecutionHolder());
  return FreezeOf(stage, holder, struck);
}

Status KillStandby(OrdersStage& stage, Struck struck) {
  QUANTUM_TRY(const std::string standby, stage.ExecutionStandby());
  return KillOf(stage, standby, struck);
}

Status KillBoth(OrdersStage& stage, Struck struck) {
  QUANTUM_TRY(const std::string standby, stage.ExecutionStandby());
  QUANTUM_CHECK(KillHolder(stage, struck));
  return KillOf(stage, standby, struck);
}

// From Postgres, the bus and the exchange at once. Who is cut off has lost the lease, and ends when it finds out.
Status CutHolder(OrdersStage& stage, Struck struck) {
  QUANTUM_TRY(const std::string holder, stage.ExecutionHolder());
  QUANTUM_CHECK(stage.platform().CutOff(holder, true));
  struck();
  fiber::SleepFor(kCut);
  return stage.platform().CutOff(holder, false);
}

Status CutPostgres(OrdersStage& stage, Struck struck) {
  QUANTUM_TRY(const size_t primary, stage.platform().AwaitPrimary());
  QUANTUM_CHECK(stage.platform().DropPackets(primary, true));
  struck();
  fiber::SleepFor(kCut);
  QUANTUM_CHECK(stage.platform().DropPackets(primary, false));
  return stage.platform().AwaitHealthy(120s);
}

Status KillWhileAnswersAreLost(OrdersStage& stage, Struck struck) {
  QUANTUM_CHECK(stage.SetFault(R"({"name":"no-answer","share":0.5,"match":{"method":"POST"}})"));
  fiber::SleepFor(1s);
  QUANTUM_CHECK(KillBoth(stage, struck));
  fiber::SleepFor(kMisbehaves);
  return {};
}

Status TripTheStop(OrdersStage& stage, Struck struck) {
  struck();
  QUANTUM_CHECK(stage.Trip());
  fiber::SleepFor(kHalted);
  return stage.Reset();
}

// Each of its kind: made slow first, healed at last.
OrdersFault Under(std::string name, std::string what, std::function<Status(OrdersStage&, Struck)> strike) {
  return {std::move(name), std::move(what), [strike = std::move(strike)](OrdersStage& stage, Struck struck) -> Status {
            for (const char* slow : kSlow) {
              QUANTUM_CHECK(stage.SetFault(slow));
            }
            fiber::SleepFor(kSlowFirst);
            const Status done = strike(stage, struck);
            // An exchange that was killed has forgotten its faults, and is not back yet.
            Eventually(30s, [&] { return stage.EndFaults().ok(); });
            return done;
          }};
}

OrdersFault Cut(std::string name, std::string what, std::function<Status(OrdersStage&, Struck)> strike) {
  OrdersFault fault = Under(std::move(name), std::move(what), std::move(strike));
  fault.cuts = true;
  return fault;
}

OrdersFault Kill(std::string name, std::string unit) {
  return Under(std::move(name), "SIGKILL",
               [unit = std::move(unit)](OrdersStage& stage, Struck struck) { return KillOf(stage, unit, struck); });
}

OrdersFault Freeze(std::string name, std::string unit) {
  return Under(std::move(name), "SIGSTOP for 5 s",
               [unit = std::move(unit)](OrdersStage& stage, Struck struck) { return FreezeOf(stage, unit, struck); });
}

OrdersFault Exchange(std::string name, std::string what, std::vector<std::string> faults) {
  return Under(std::move(name), std::move(what), [faults = std::move(faults)](OrdersStage& stage, Struck struck) {
    return Misbehave(stage, faults, struck);
  });
}

}  // namespace

const OrdersFault kKilledAgainAndAgain =
    Under("control", "execution is killed again and again", [](OrdersStage& stage, Struck struck) -> Status {
      for (int i = 0; i < kKills; ++i) {
        QUANTUM_CHECK(KillHolder(stage, struck));
        fiber::SleepFor(kBetweenKills);
      }
      return {};
    });

const std::vector<OrdersFault>& OrdersFaults() {
  static const std::vector<OrdersFault> faults{
      Under("kill-execution", "SIGKILL to the holder of the lease", KillHolder),
      Under("freeze-execution", "SIGSTOP for 5 s to the holder of the lease", FreezeHolder),
      Under("kill-standby", "SIGKILL to the one that waits for the lease", KillStandby),
      Under("kill-both", "SIGKILL to both", KillBoth),
      Cut("cut-execution", "nothing that the holder of the lease sends arrives for 6 s", CutHolder),
      Kill("kill-exchange", "paper-exchange"),
      Freeze("freeze-exchange", "paper-exchange"),
      Kill("kill-risk", "risk-safety"),
      Under("kill-postgres", "SIGKILL to the primary's server", KillPostgres),
      Under("freeze-postgres", "the primary's node stands still until the other is primary", FreezePostgres),
      Cut("cut-postgres", "nothing reaches the primary for 6 s", CutPostgres),
      Under("kill-redis", "SIGKILL to the master", KillRedisMaster),
      Under("kill-and-lose", "both are killed while half of the answers are lost", KillWhileAnswersAreLost),
      Under("trip", "the emergency stop, reset after 4 s", TripTheStop),
      Exchange("latency", "half of the requests wait 300 ms, a tenth of them 2 s more",
               {R"({"name":"latency","share":0.5,"parameters":{"ms":300,"tail_ms":2000,"tail_share":0.1}})"}),
      Exchange("no-answer", "a third of the writes get no answer, acted on or not",
               {R"({"name":"no-answer","share":0.2,"match":{"method":"POST"},"parameters":{"acted":1}})",
                R"({"name":"no-answer","share":0.2,"match":{"method":"POST"},"parameters":{"acted":0}})"}),
      Exchange("error-5xx", "a third of the writes are answered 503, acted on or not",
               {R"({"name":"error-5xx","share":0.2,"match":{"method":"POST"},"parameters":{"acted":1}})",
                R"({"name":"error-5xx","share":0.2,"match":{"method":"POST"},"parameters":{"acted":0}})"}),
      Exchange("unknown", "half of the writes are answered -1006 or -1007, acted on or not",
               {R"({"name":"unknown-1006","share":0.2,"match":{"method":"POST"},"parameters":{"acted":1}})",
                R"({"name":"timeout-1007","share":0.2,"match":{"method":"POST"},"parameters":{"acted":1}})",
                R"({"name":"unknown-1006","share":0.1,"match":{"method":"POST"},"parameters":{"acted":0}})",
                R"({"name":"timeout-1007","share":0.1,"match":{"method":"POST"},"parameters":{"acted":0}})"}),
      Exchange("rate-limit", "429 for some, with Retry-After",
               {R"({"name":"rate-limit","share":0.02,"parameters":{"retry_after_s":1}})"}),
      Exchange("ban", "418 once, with Retry-After", {R"({"name":"ban","count":1,"parameters":{"retry_after_s":3}})"}),
      Exchange("reject", "a third of the writes are refused",
               {R"({"name":"reject","share":0.3,"match":{"method":"POST"}})"}),
      Exchange("events", "user events come twice, late, out of order, or not",
               {R"({"name":"events-lost","share":0.1})", R"({"name":"events-duplicated","share":0.2})",
                R"({"name":"events-reordered","share":0.2})",
                R"({"name":"events-delayed","share":0.2,"parameters":{"ms":1500}})"}),
      Exchange("fill-first", "fills are told before orders are answered",
               {R"({"name":"fill-before-answer","parameters":{"ms":500}})"}),
      Exchange("cut-streams", "all streams end, and the private one for 3 s",
               {R"({"name":"streams-cut"})", R"({"name":"streams-cut","for_ms":3000,"match":{"path":"/private"}})"}),
      Exchange("listen-key", "the listen key expires in silence", {R"({"name":"listen-key-expired"})"}),
      Exchange("clock", "the exchange's clock is 4 s ahead", {R"({"name":"clock-skew","parameters":{"ms":4000}})"}),
      Exchange("partial", "half of the orders fill in part and are cancelled",
               {R"({"name":"partial-then-cancel","share":0.5,"parameters":{"filled_share":0.5}})"}),
      Exchange("halted", "two symbols are not traded",
               {R"({"name":"symbol-halted","match":{"symbol":"ETHUSDT"}})",
                R"({"name":"symbol-halted","match":{"symbol":"SOLUSDT"}})"}),
      Exchange("filters", "a symbol has a larger step",
               {R"({"name":"filters-changed","match":{"symbol":"LTCUSDT"},"parameters":{"step_size":"0.1"}})"}),
      Exchange("funding", "funding is settled, of all symbols", {R"({"name":"funding-now"})"}),
      Exchange("liquidation", "the positions in two symbols are taken over",
               {R"({"name":"liquidation-now","match":{"symbol":"BTCUSDT"}})",
                R"({"name":"liquidation-now","match":{"symbol":"SOLUSDT"}})"}),
      Exchange("outage", "nothing is answered or streamed for 5 s", {R"({"name":"outage"})"})};
  return faults;
}

}  // namespace quantum::operate::chaos
