#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "exchange/paper/engine/engine.h"
#include "exchange/paper/engine/journal.h"
#include "exchange/paper/faults/plan.h"
#include "exchange/paper/market/memory.h"
#include "exchange/paper/market/source.h"
#include "exchange/paper/options.h"
#include "exchange/paper/protocol/hub.h"
#include "exchange/paper/protocol/market_streams.h"
#include "exchange/paper/protocol/rest.h"
#include "platform/base/clock.h"
#include "platform/fiber/fiber.h"

namespace quantum::paper {

// The paper exchange without its sockets: a market that is moved on by its caller, an account with its journal, and the
// protocol over both. For one thread.
//
// Market time starts at server time and runs `speed` times as fast; at speed max as at 1 until Hurry(). A recording
// that ends stands still. After a restart a recording goes on where it was (its last checkpoint, at most a second old),
// or begins anew if it had ended; a synthetic market goes on from its last price.
//
// Orders and fills are logged at INFO, under the correlation id of the request that placed the order as long as this
// process lives.
class Exchange {
 public:
  static Result<std::unique_ptr<Exchange>> Open(PaperOptions options, std::string api_key, std::string api_secret,
                                                const Clock& clock);

  // Moves the market on to now, at most `events_max` events. True when more are due. An error is a broken recording:
  // the market stands still from then on.
  Result<bool> Advance(size_t events_max);
  // From now on every event is due at once: for speed max, when everybody who should see it is there.
  void Hurry() { hurries_ = true; }
  bool hurries() const { return hurries_; }
  // What it did is on disk and told when this returns. In a fiber, requests that come together share one
  // write of the journal. `filled_share`: as Engine::CutNext.
  RestAnswer Handle(const RestRequest& request, std::optional<Decimal> filled_share = std::nullopt);
  // Once a second: where the market stands goes to disk, an expired listen key goes.
  Status Keep();

  // Faults. A request is asked about before Handle and after it; Handle itself knows of none.
  Result<int64_t> Inject(FaultSpec fault);
  bool EndFault(int64_t id) { return faults_.Remove(id); }
  void EndFaults() { faults_.Clear(); }
  std::string FaultsJson() const { return faults_.ToJson(real_ms()); }
  Interference Before(const RestRequest& request) { return faults_.BeforeRequest(request, real_ms()); }
  Interference After(const RestRequest& request, const RestAnswer& answer) {
    return faults_.AfterRequest(request, answer, real_ms());
  }
  bool RefusesStream(std::string_view path) { return faults_.RefusesStream(path, real_ms()); }

  Hub& hub() { return hub_; }
  const Rest& rest() const { return *rest_; }
  const Engine& engine() const { return *engine_; }
  const PaperOptions& options() const { return options_; }
  bool ended() const { return ended_; }
  int64_t journal_writes() const { return journal_->writes(); }
  std::string MarketJson() const;  // GET /paper/market
  int64_t now_ms() const;          // server time, as far as it is off by a fault
  int64_t real_ms() const;         // the same without faults

 private:
  Exchange(PaperOptions options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}
  Status OpenMarket();
  Status RestoreKlines(bool fresh);
  // Ok with nothing pending: the checkpoint stands at the recording's end.
  Status OpenRecording(const std::optional<Checkpoint>& checkpoint);
  Status OpenSynthetic(const std::optional<Checkpoint>& checkpoint);
  Status OpenAccount();
  Status Pull();
  int64_t MarketNow() const;
  void Step(SourceEvent event);
  void PassTime(int64_t market_ms, bool silent);
  // Makes what the engine did durable, then tells it. The process ends when the journal cannot be written: an order
  // that is not on disk must not be answered for.
  void Settle();
  void SettleTogether();
  void Log(const EngineEvent& event, const std::string& correlation_id);
  std::string MarketName() const;

  PaperOptions options_;
  const Clock& clock_;
  std::unique_ptr<MarketSource> source_;
  std::optional<SourceEvent> pending_;
  bool ended_ = false;
  bool hurries_ = false;
  bool begun_anew_ = false;  // the recording had ended before this start
  int64_t shift_ms_ = 0;     // market time minus the source's
  int64_t started_market_ms_ = 0;
  SteadyTime started_{};
  int64_t market_ms_ = 0;                           // of the last step
  std::map<std::string, Checkpoint::Symbol> last_;  // by symbol, of this life or of those before it
  int64_t mark_sample_ = 0;
  int64_t events_ = 0;
  Hub hub_;
  FaultPlan faults_;
  std::unique_ptr<MarketStreams> streams_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Rest> rest_;
  std::optional<Journal> journal_;
  std::optional<KlineFile> klines_;
  std::map<std::string, std::string> correlation_ids_;  // by client order id, of what is open
  std::vector<std::string> asked_by_;    // correlation ids of the engine's events that wait to be settled
  std::shared_ptr<fiber::Event> batch_;  // of the requests that are gathered now; null: none
};

}  // namespace quantum::paper
