#include "trading/events.h"

#include "trading/event_codec.h"

namespace quantum::trading::event {

const std::vector<std::string_view>& AllTypes() {
  static const std::vector<std::string_view> types = {kMarketTick,
                                                      kMarketKline,
                                                      kMarketGap,
                                                      kSignalGenerated,
                                                      kDecisionMade,
                                                      kStrategySelected,
                                                      kSizingDecided,
                                                      kRiskApproved,
                                                      kRiskRejected,
                                                      kOrderPlaced,
                                                      kOrderPartiallyFilled,
                                                      kOrderFilled,
                                                      kOrderCanceled,
                                                      kOrderFailed,
                                                      kOrderUnknown,
                                                      kTradeOpened,
                                                      kTradeClosed,
                                                      kPositionUpdated,
                                                      kPortfolioSnapshot,
                                                      kPortfolioPnl,
                                                      kPortfolioDrawdown,
                                                      kPortfolioExposure,
                                                      kPolicyUpdated,
                                                      kPolicyModeChanged,
                                                      kEssTripped,
                                                      kEssStateChanged,
                                                      kEssRearmed,
                                                      kModelTrainingStarted,
                                                      kModelTrainingCompleted,
                                                      kModelPromoted,
                                                      kModelRegressed,
                                                      kDataDriftDetected,
                                                      kHealthSnapshot,
                                                      kHealthAlertRaised,
                                                      kHealthAlertCleared,
                                                      kSystemMaintenance};
  return types;
}

bool IsVolatile(std::string_view type) { return type == kMarketTick; }

std::string_view ToString(Intent intent) { return intent == Intent::kOpen ? "OPEN" : "CLOSE"; }

// One description a payload, used by Writer (P const) and Reader alike.
namespace {

template <class P, class Payload>
concept Is = std::is_same_v<std::remove_const_t<P>, Payload>;

}  // namespace

template <class V, class P>
void Describe(V& v, P& p) {
  if constexpr (Is<P, Tick>) {
    v.Required("symbol", p.symbol);
    v.Required("price", p.price);
    v.Required("quantity", p.quantity);
    v.Optional("bid", p.bid);
    v.Optional("ask", p.ask);
    v.Optional("mark_price", p.mark_price);
    v.Required("trade_id", p.trade_id);
    v.Required("time", p.time_ms);
    v.Optional("source", p.source);
  } else if constexpr (Is<P, Kline>) {
    v.Required("symbol", p.symbol);
    v.Required("interval", p.interval);
    v.Required("open_time", p.open_time);
    v.Required("o", p.open);
    v.Required("h", p.high);
    v.Required("l", p.low);
    v.Required("c", p.close);
    v.Required("v", p.volume);
    v.Required("trades", p.trades);
    v.Required("taker_buy", p.taker_buy);
    v.Required("closed", p.closed);
    v.Optional("late_trades", p.late_trades);
    v.Optional("source", p.source);
  } else if constexpr (Is<P, Gap>) {
    v.Required("symbol", p.symbol);
    v.Required("from", p.from);
    v.Required("to", p.to);
    v.Required("filled", p.filled);
    v.Optional("source", p.source);
  } else if constexpr (Is<P, Vote>) {
    v.Required("model", p.model);
    v.Required("signal", p.signal);
    v.Required("confidence", p.confidence);
  } else if constexpr (Is<P, Signal>) {
    v.Required("symbol", p.symbol);
    v.Required("timeframe", p.timeframe);
    v.Required("action", p.action);
    v.Required("probability", p.probability);
    v.Required("disagreement", p.disagreement);
    v.Required("votes", p.votes);
    v.Required("model_hash", p.model_hash);
    v.Required("regime", p.regime);
    v.Required("time", p.time);
  } else if constexpr (Is<P, TakeProfit>) {
    v.Required("price", p.price);
    v.Required("share", p.share);
  } else if constexpr (Is<P, Decision>) {
    v.Required("decision_id", p.decision_id);
    v.Required("symbol", p.symbol);
    v.Required("intent", p.intent);
    v.Required("side", p.side);
    v.Required("quantity", p.quantity);
    v.Required("reference_price", p.reference_price);
    v.Optional("price", p.price);
    v.Optional("time_in_force", p.time_in_force);
    v.Optional("slippage_percent", p.slippage_percent);
    v.Required("leverage", p.leverage);
    v.Optional("stop_loss", p.stop_loss);
    v.Optional("take_profit", p.take_profit);
    v.Optional("take_profits", p.take_profits);
    v.Optional("trail", p.trail);
    v.Required("confidence", p.confidence);
    v.Required("expires_at", p.expires_at);
    v.Optional("model", p.model);
    v.Optional("strategy", p.strategy);
    v.Optional("regime", p.regime);
    v.Required("mode", p.mode);
  } else if constexpr (Is<P, Approval>) {
    v.Required("decision", p.decision);
    v.Required("reservation_id", p.reservation_id);
    v.Required("policy_version", p.policy_version);
  } else if constexpr (Is<P, Refusal>) {
    v.Required("code", p.code);
    v.Required("detail", p.detail);
  } else if constexpr (Is<P, Rejection>) {
    v.Required("decision_id", p.decision_id);
    v.Required("symbol", p.symbol);
    v.Required("codes", p.refusals);
  } else if constexpr (Is<P, OrderUpdate>) {
    v.Required("client_order_id", p.client_order_id);
    v.Required("exchange_order_id", p.exchange_order_id);
    v.Required("decision_id", p.decision_id);
    v.Required("symbol", p.symbol);
    v.Required("leg", p.leg);
    v.Required("side", p.side);
    v.Required("order_type", p.order_type);
    v.Required("status", p.status);
    v.Required("quantity", p.quantity);
    v.Required("filled_quantity", p.filled_quantity);
    v.Required("average_price", p.average_price);
    v.Required("fee", p.fee);
    v.Required("reduce_only", p.reduce_only);
    v.Required("order_version", p.order_version);
    v.Optional("reason", p.reason);
    v.Required("time", p.time);
  } else if constexpr (Is<P, TradeUpdate>) {
    v.Required("trade_id", p.trade_id);
    v.Required("symbol", p.symbol);
    v.Required("side", p.side);
    v.Required("status", p.status);
    v.Required("quantity", p.quantity);
    v.Required("leverage", p.leverage);
    v.Required("entry_price", p.entry_price);
    v.Required("entry_time", p.entry_time);
    v.Optional("exit_price", p.exit_price);
    v.Optional("exit_time", p.exit_time);
    v.Optional("realized_pnl", p.realized_pnl);
    v.Optional("fees", p.fees);
    v.Optional("funding", p.funding);
    v.Optional("close_reason", p.close_reason);
    v.Optional("model", p.model);
    v.Optional("strategy", p.strategy);
    v.Optional("reservation_id", p.reservation_id);
  } else if constexpr (Is<P, PositionUpdate>) {
    v.Required("symbol", p.symbol);
    v.Required("quantity", p.quantity);
    v.Required("entry_price", p.entry_price);
    v.Required("protected", p.is_protected);
    v.Required("realized_pnl", p.realized_pnl);
    v.Required("fees", p.fees);
    v.Optional("funding", p.funding);  // absent in events of before it was told
    v.Required("time", p.time);
  } else if constexpr (Is<P, EssMetrics>) {
    v.Optional("daily_drawdown_percent", p.daily_drawdown_percent);
    v.Optional("open_loss_percent", p.open_loss_percent);
    v.Optional("execution_errors", p.execution_errors);
    v.Optional("positions_unprotected", p.positions_unprotected);
    v.Optional("unprotected_ms_max", p.unprotected_ms_max);
    v.Optional("account_age_ms", p.account_age_ms);
    v.Optional("market_age_ms_max", p.market_age_ms_max);
  } else {
    static_assert(Is<P, EssChange>);
    v.Required("from", p.from);
    v.Required("to", p.to);
    v.Required("reason", p.reason);
    v.Optional("by", p.by);
    v.Optional("metrics", p.metrics);
    v.Required("time", p.time);
  }
}

namespace {

template <class P>
std::string Write(const P& payload) {
  std::string text;
  text.reserve(512);
  Writer writer(text);
  Describe(writer, payload);
  writer.End();
  return text;
}

template <class P>
Result<P> Parse(std::string_view json) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse({json.data(), json.size()}, error);
  if (error) {
    return Error{Errc::kInvalidArgument, "payload is not JSON: " + error.message()};
  }
  const boost::json::object* object = value.if_object();
  if (object == nullptr) {
    return Error{Errc::kInvalidArgument, "payload is not a JSON object"};
  }
  P payload;
  Reader reader(*object, "");
  Describe(reader, payload);
  if (reader.error()) {
    return *reader.error();
  }
  return payload;
}

}  // namespace

std::string ToJson(const Tick& payload) { return Write(payload); }
std::string ToJson(const Kline& payload) { return Write(payload); }
std::string ToJson(const Gap& payload) { return Write(payload); }
std::string ToJson(const Signal& payload) { return Write(payload); }
std::string ToJson(const Decision& payload) { return Write(payload); }
std::string ToJson(const Approval& payload) { return Write(payload); }
std::string ToJson(const Rejection& payload) { return Write(payload); }
std::string ToJson(const OrderUpdate& payload) { return Write(payload); }
std::string ToJson(const TradeUpdate& payload) { return Write(payload); }
std::string ToJson(const PositionUpdate& payload) { return Write(payload); }
std::string ToJson(const EssChange& payload) { return Write(payload); }

Result<Tick> ParseTick(std::string_view json) { return Parse<Tick>(json); }
Result<Kline> ParseKline(std::string_view json) { return Parse<Kline>(json); }
Result<Gap> ParseGap(std::string_view json) { return Parse<Gap>(json); }
Result<Signal> ParseSignal(std::string_view json) { return Parse<Signal>(json); }
Result<Decision> ParseDecision(std::string_view json) {
  auto decision = Parse<Decision>(json);
  if (decision.ok() && decision->decision_id.empty()) {
    return Error{Errc::kInvalidArgument, "field 'decision_id' is empty: it is what makes a repeat known"};
  }
  if (decision.ok() && decision->intent == Intent::kOpen && !decision->stop_loss) {
    return Error{Errc::kInvalidArgument, "field 'stop_loss' is missing: a decision that opens must carry its stop"};
  }
  return decision;
}
Result<Approval> ParseApproval(std::string_view json) { return Parse<Approval>(json); }
Result<Rejection> ParseRejection(std::string_view json) { return Parse<Rejection>(json); }
Result<OrderUpdate> ParseOrderUpdate(std::string_view json) { return Parse<OrderUpdate>(json); }
Result<TradeUpdate> ParseTradeUpdate(std::string_view json) { return Parse<TradeUpdate>(json); }
Result<PositionUpdate> ParsePositionUpdate(std::string_view json) { return Parse<PositionUpdate>(json); }
Result<EssChange> ParseEssChange(std::string_view json) { return Parse<EssChange>(json); }

}  // namespace quantum::trading::event
