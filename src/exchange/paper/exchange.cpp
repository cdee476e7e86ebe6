#include "exchange/paper/exchange.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <utility>

#include "exchange/paper/market/recording_source.h"
#include "exchange/paper/market/synthetic_source.h"
#include "exchange/paper/protocol/encode_user.h"
#include "platform/base/correlation.h"
#include "platform/log/log.h"

namespace quantum::paper {
namespace {

void Shift(SourceEvent& event, int64_t shift_ms) {
  event.time_ms += shift_ms;
  if (auto* trade = std::get_if<MarketTrade>(&event.what)) {
    trade->time_ms += shift_ms;
    trade->event_ms += shift_ms;
  } else if (auto* update = std::get_if<DepthUpdate>(&event.what)) {
    update->event_ms += shift_ms;
  } else if (auto* ticker = std::get_if<BookTicker>(&event.what)) {
    ticker->event_ms += shift_ms;
  }
}

StreamClass ClassOf(std::string_view path) {
  return path == "/public" ? StreamClass::kPublic : path == "/market" ? StreamClass::kMarket : StreamClass::kPrivate;
}

}  // namespace

Result<std::unique_ptr<Exchange>> Exchange::Open(PaperOptions options, std::string api_key, std::string api_secret,
                                                 const Clock& clock) {
  std::unique_ptr<Exchange> exchange(new Exchange(std::move(options), clock));
  QUANTUM_CHECK(exchange->OpenAccount());
  exchange->streams_ = std::make_unique<MarketStreams>(exchange->options_.symbols, exchange->hub_);
  QUANTUM_CHECK(exchange->OpenMarket());
  RestOptions rest = exchange->options_.rest;
  rest.api_key = std::move(api_key);
  rest.api_secret = std::move(api_secret);
  exchange->rest_ = std::make_unique<Rest>(std::move(rest), *exchange->engine_, *exchange->streams_, exchange->hub_);
  return exchange;
}

Status Exchange::OpenAccount() {
  QUANTUM_TRY(Journal::Opened opened, Journal::Open(options_.directory + "/account.jsonl"));
  if (!opened.account.opened()) {
    const Record wallet = WalletOpened{options_.wallet, now_ms()};
    QUANTUM_CHECK(opened.journal.Append({wallet}));
    opened.account.Apply(wallet);
  }
  journal_.emplace(std::move(opened.journal));
  engine_ = std::make_unique<Engine>(options_.symbols, std::move(opened.account), options_.engine);
  return {};
}

int64_t Exchange::real_ms() const { return ToUnixMs(clock_.Now()); }

int64_t Exchange::now_ms() const { return real_ms() + faults_.skew_ms(real_ms()); }

std::string Exchange::MarketName() const {
  std::string name = options_.files.empty() ? fmt::format("synthetic {}", options_.seed) : "recording";
  for (const std::string& file : options_.files) {
    name += " " + file;
  }
  return name;
}

Status Exchange::RestoreKlines(bool fresh) {
  QUANTUM_TRY(KlineFile klines, KlineFile::Open(options_.directory + "/klines.jsonl", fresh));
  for (const KlineFile::Entry& entry : klines.TakeEntries()) {
    streams_->Restore({entry.symbol, entry.interval, entry.kline});
  }
  klines_.emplace(std::move(klines));
  return {};
}

Status Exchange::OpenMarket() {
  const auto checkpoint = ReadCheckpoint(options_.directory + "/market.json", MarketName());
  QUANTUM_CHECK(RestoreKlines(!checkpoint));
  if (checkpoint) {
    last_ = checkpoint->symbols;
  }
  // The market never goes back in time, not even when it ran faster than the clock before a restart.
  started_market_ms_ = std::max(now_ms(), checkpoint ? checkpoint->market_ms + 1 : 0);
  if (options_.files.empty()) {
    QUANTUM_CHECK(OpenSynthetic(checkpoint));
  } else {
    QUANTUM_CHECK(OpenRecording(checkpoint));
    if (checkpoint && ended_) {
      // Going on where it was would be a market without a tick. What the replay has moved is made anew.
      begun_anew_ = true;
      log::Warning("the recording had ended before this start: it begins anew, its times shifted to now",
                   {{"position", checkpoint->position_ms}});
      streams_ = std::make_unique<MarketStreams>(options_.symbols, hub_);
      QUANTUM_CHECK(RestoreKlines(false));
      engine_ = std::make_unique<Engine>(options_.symbols, Account(engine_->account()), options_.engine);
      QUANTUM_CHECK(OpenRecording(std::nullopt));
    }
  }
  started_ = clock_.Steady();
  market_ms_ = started_market_ms_;
  return {};
}

Status Exchange::OpenRecording(const std::optional<Checkpoint>& checkpoint) {
  QUANTUM_TRY(source_, RecordingSource::Open(options_.files));
  QUANTUM_CHECK(Pull());
  const int64_t position_ms = checkpoint && pending_ ? std::max(checkpoint->position_ms, pending_->time_ms)
                                                     : (pending_ ? pending_->time_ms : 0);
  shift_ms_ = started_market_ms_ - position_ms;
  while (pending_ && pending_->time_ms <= position_ms) {
    engine_->Replay(*pending_);
    Shift(*pending_, shift_ms_);
    if (!std::holds_alternative<MarketTrade>(pending_->what)) {
      streams_->OnEvent(*pending_, true);
    }
    QUANTUM_CHECK(Pull());
  }
  return {};
}

Status Exchange::OpenSynthetic(const std::optional<Checkpoint>& checkpoint) {
  SyntheticOptions synthetic;
  synthetic.seed = options_.seed;
  synthetic.rate = options_.rate;
  synthetic.start_ms = started_market_ms_;
  if (checkpoint) {
    synthetic.salt = static_cast<uint64_t>(checkpoint->market_ms);
  } else {
    synthetic.start_ms -= std::chrono::duration_cast<std::chrono::milliseconds>(options_.warmup).count();
  }
  for (const std::string& name : options_.symbols) {
    const trading::SymbolRules& rules = FindRules(name)->rules;
    SyntheticStart start{name, rules.tick_size, rules.step_size, 0, 1};
    if (checkpoint && checkpoint->symbols.contains(name)) {
      start.price = checkpoint->symbols.at(name).price.ToDouble();
      start.next_trade_id = checkpoint->symbols.at(name).trade_id + 1;
    }
    synthetic.symbols.push_back(std::move(start));
  }
  QUANTUM_TRY(source_, SyntheticSource::Create(std::move(synthetic)));
  QUANTUM_CHECK(Pull());
  while (pending_ && pending_->time_ms <= started_market_ms_) {
    PassTime(pending_->time_ms, true);
    engine_->Replay(*pending_);
    streams_->OnEvent(*pending_, true);
    QUANTUM_CHECK(Pull());
  }
  return {};
}

Status Exchange::Pull() {
  pending_.reset();
  auto next = source_->Next();
  if (!next.ok()) {
    ended_ = true;
    return next.error();
  }
  pending_ = *std::move(next);
  ended_ = !pending_;
  return {};
}

int64_t Exchange::MarketNow() const {
  if (hurries_) {
    return std::numeric_limits<int64_t>::max();
  }
  const Duration elapsed = (clock_.Steady() - started_) * std::max(options_.speed, 1);
  return started_market_ms_ + std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
}

void Exchange::PassTime(int64_t market_ms, bool silent) {
  for (const auto& closed : streams_->OnTime(market_ms, *engine_, silent)) {
    klines_->Append(closed.symbol, closed.interval, closed.kline);
  }
  if (market_ms / SymbolMarket::kMarkSampleMs != mark_sample_) {
    mark_sample_ = market_ms / SymbolMarket::kMarkSampleMs;
    engine_->SampleMarks(now_ms());
  }
  if (!silent) {
    engine_->OnMarketTime(market_ms, now_ms());
  }
}

void Exchange::Step(SourceEvent event) {
  Shift(event, shift_ms_);
  market_ms_ = std::max(market_ms_, event.time_ms);
  PassTime(market_ms_, false);
  ++events_;
  if (engine_->OnMarket(event, now_ms()) == Book::Applied::kGap) {
    log::Warning("the market source left a gap in its depth updates",
                 {{"symbol", std::get<DepthUpdate>(event.what).symbol}});
  }
  streams_->OnEvent(event, false);
}

Result<bool> Exchange::Advance(size_t events_max) {
  const int64_t until_ms = MarketNow();
  Status status;
  size_t done = 0;
  while (pending_ && pending_->time_ms + shift_ms_ <= until_ms && done < events_max && status.ok()) {
    Step(std::move(*pending_));
    status = Pull();
    ++done;
  }
  engine_->OnTime(now_ms());
  const bool more = pending_ && pending_->time_ms + shift_ms_ <= until_ms;
  if (pending_ && !more) {
    market_ms_ = std::max(market_ms_, until_ms);
    PassTime(market_ms_, false);
  } else if (!pending_ && done > 0) {
    streams_->Finish(market_ms_);
  }
  Settle();
  for (const std::string& held : faults_.TakeDue(real_ms())) {
    hub_.PublishUser(held);
  }
  hub_.Flush();
  if (!status.ok()) {
    return status.error();
  }
  return more;
}

void Exchange::Settle() {
  const Engine::Output output = engine_->TakeOutput();
  if (output.empty()) {
    return;
  }
  if (const Status written = journal_->Append(output.records); !written.ok()) {
    log::Critical("the paper exchange ends: " + written.error().message);
    fmt::print(stderr, "quantum-paper-exchange: {}\n", written.error().message);
    ::_exit(1);
  }
  const int64_t now = now_ms();
  asked_by_.resize(output.events.size(), CurrentCorrelationId());
  for (size_t i = 0; i < output.events.size(); ++i) {
    Log(output.events[i], asked_by_[i]);
    for (std::string& message : EncodeEvent(output.events[i], now)) {
      for (const std::string& told : faults_.OnUserEvent(std::move(message), real_ms())) {
        hub_.PublishUser(told);
      }
    }
  }
  asked_by_.clear();
}

void Exchange::SettleTogether() {
  if (engine_->output().empty() || !fiber::InFiber()) {
    Settle();
    hub_.Flush();
    return;
  }
  // Also who only asked waits: he may have been told of what is not on disk yet.
  if (batch_ != nullptr) {
    const std::shared_ptr<fiber::Event> batch = batch_;
    batch->Wait();
    return;
  }
  batch_ = std::make_shared<fiber::Event>();
  fiber::YieldNow();  // the others that are ready join
  const std::shared_ptr<fiber::Event> batch = std::exchange(batch_, nullptr);
  Settle();
  hub_.Flush();
  batch->Set();
}

void Exchange::Log(const EngineEvent& event, const std::string& correlation_id) {
  const auto under = [&](const std::string& client_id, bool open) {
    const auto known = correlation_ids_.find(client_id);
    std::string id = known == correlation_ids_.end() ? correlation_id : known->second;
    if (!open) {
      correlation_ids_.erase(client_id);
    } else if (known == correlation_ids_.end()) {
      correlation_ids_.emplace(client_id, id);
    }
    return id;
  };
  if (const auto* told = std::get_if<OrderEvent>(&event)) {
    const PaperOrder& order = told->order;
    const CorrelationScope scope(under(order.client_id, IsOpen(order.status)));
    if (told->fill) {
      log::Info("fill", {{"client_order_id", order.client_id},
                         {"order_id", order.order_id},
                         {"trade_id", told->fill->trade_id},
                         {"symbol", order.symbol},
                         {"side", ToString(order.side)},
                         {"price", told->fill->price.ToString()},
                         {"quantity", told->fill->quantity.ToString()},
                         {"fee", told->fill->fee.ToString()},
                         {"maker", told->fill->maker},
                         {"status", ToString(order.status)}});
    } else {
      log::Info(told->execution == "NEW" ? "order accepted" : "order ended",
                {{"client_order_id", order.client_id},
                 {"order_id", order.order_id},
                 {"symbol", order.symbol},
                 {"side", ToString(order.side)},
                 {"type", order.original_type},
                 {"quantity", order.quantity.ToString()},
                 {"filled_quantity", order.filled.ToString()},
                 {"status", ToString(order.status)}});
    }
  } else if (const auto* algo = std::get_if<AlgoEvent>(&event)) {
    // A triggered one lives on in the order it spawns, which carries its name.
    const AlgoOrder& order = algo->order;
    const bool open = order.status == AlgoStatus::kNew || order.status == AlgoStatus::kTriggering ||
                      order.status == AlgoStatus::kTriggered;
    const CorrelationScope scope(under(order.client_id, open));
    log::Info("conditional order", {{"client_order_id", order.client_id},
                                    {"algo_id", order.algo_id},
                                    {"symbol", order.symbol},
                                    {"side", ToString(order.side)},
                                    {"type", order.type},
                                    {"quantity", order.quantity.ToString()},
                                    {"trigger_price", order.trigger_price.ToString()},
                                    {"status", ToString(order.status)}});
  }
}

RestAnswer Exchange::Handle(const RestRequest& request, std::optional<Decimal> filled_share) {
  engine_->CutNext(filled_share);
  RestAnswer answer = rest_->Handle(request, now_ms());
  engine_->CutNext(std::nullopt);
  asked_by_.resize(engine_->output().events.size(), CurrentCorrelationId());
  SettleTogether();
  return answer;
}

Result<int64_t> Exchange::Inject(FaultSpec fault) {
  QUANTUM_TRY(const int64_t id, faults_.Add(std::move(fault), real_ms()));
  for (const FaultMoment& moment : faults_.TakeMoments()) {
    switch (moment.what) {
      case FaultMoment::What::kForgetListenKey:
        rest_->ForgetListenKey();
        break;
      case FaultMoment::What::kCutStreams:
        hub_.Cut(moment.path.empty() ? std::nullopt : std::optional(ClassOf(moment.path)));
        break;
      case FaultMoment::What::kSettleFunding:
        engine_->SettleFundingNow(moment.symbol, now_ms());
        break;
      case FaultMoment::What::kLiquidate:
        engine_->LiquidateNow(moment.symbol, now_ms());
        break;
    }
  }
  return id;
}

Status Exchange::Keep() {
  rest_->ExpireListenKey(now_ms());
  hub_.CutOld(real_ms());
  hub_.Flush();
  klines_->Flush();
  Checkpoint checkpoint;
  checkpoint.market = MarketName();
  checkpoint.market_ms = market_ms_;
  checkpoint.position_ms = market_ms_ - shift_ms_;
  for (const std::string& symbol : options_.symbols) {
    const std::deque<MarketTrade>& trades = streams_->tape(symbol).trades();
    const SymbolMarket& market = *engine_->market(symbol);
    Checkpoint::Symbol& last = last_[symbol];
    last.price = market.ready() ? market.mid_price() : last.price;
    last.trade_id = trades.empty() ? last.trade_id : trades.back().trade_id;
  }
  checkpoint.symbols = last_;
  return WriteCheckpoint(options_.directory + "/market.json", checkpoint);
}

std::string Exchange::MarketJson() const {
  const MarketLabel label = source_->label();
  boost::json::array symbols;
  for (const std::string& symbol : options_.symbols) {
    symbols.push_back(boost::json::string(symbol));
  }
  const boost::json::object object{
      {"source", label.source},
      {"detail", label.detail + (begun_anew_ ? " (begun anew: it had ended before this start)" : "") +
                     (ended_ ? " (ended: the market stands still)" : "")},
      {"speed", options_.speed == 0 ? "max" : std::to_string(options_.speed)},
      {"symbols", std::move(symbols)},
      {"position", market_ms_ - shift_ms_},
      {"market_time", market_ms_},
      {"events", events_},
      {"begun_anew", begun_anew_},
      {"ended", ended_}};
  return boost::json::serialize(object);
}

}  // namespace quantum::paper
