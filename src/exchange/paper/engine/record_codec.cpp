#include "exchange/paper/engine/record_codec.h"

#include <array>
#include <boost/json.hpp>
#include <utility>

namespace quantum::paper {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 6> kExecutions = {"NEW",      "PARTIALLY_FILLED", "FILLED",
                                                         "CANCELED", "EXPIRED",          "EXPIRED_IN_MATCH"};
constexpr std::array<std::string_view, 7> kAlgoStatuses = {"NEW",      "TRIGGERING", "TRIGGERED", "FINISHED",
                                                           "CANCELED", "EXPIRED",    "REJECTED"};
constexpr std::array<std::string_view, 4> kSelfTradePreventions = {"EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH",
                                                                   "NONE"};

// Writes and reads the same fields: Walk(archive, value) names each once.
struct Writer {
  json::object object;
  void operator()(const char* name, const std::string& value) { object[name] = value; }
  void operator()(const char* name, int64_t value) { object[name] = value; }
  void operator()(const char* name, int value) { object[name] = value; }
  void operator()(const char* name, bool value) { object[name] = value; }
  void operator()(const char* name, Decimal value) { object[name] = value.raw(); }
  template <class E>
  requires std::is_enum_v<E>
  void operator()(const char* name, E value) { object[name] = static_cast<int>(value); }
  // What journals of earlier versions do not have: left out while it is what it is by default.
  template <class T>
  void Later(const char* name, const T& value) {
    if (value != T()) {
      (*this)(name, value);
    }
  }
};

// Throws boost::system::system_error or std::out_of_range for what is missing or of another kind.
struct Reader {
  const json::object& object;
  void operator()(const char* name, std::string& value) const { value = std::string(object.at(name).as_string()); }
  void operator()(const char* name, int64_t& value) const { value = object.at(name).as_int64(); }
  void operator()(const char* name, int& value) const { value = static_cast<int>(object.at(name).as_int64()); }
  void operator()(const char* name, bool& value) const { value = object.at(name).as_bool(); }
  void operator()(const char* name, Decimal& value) const { value = Decimal::FromRaw(object.at(name).as_int64()); }
  template <class E>
  requires std::is_enum_v<E>
  void operator()(const char* name, E& value) const { value = static_cast<E>(object.at(name).as_int64()); }
  template <class T>
  void Later(const char* name, T& value) const {
    if (object.contains(name)) {
      (*this)(name, value);
    }
  }
};

template <class Archive, class Order>
requires std::is_same_v<std::remove_const_t<Order>, PaperOrder>
void Walk(Archive& a, Order& o) {
  a("id", o.order_id);
  a("client", o.client_id);
  a("symbol", o.symbol);
  a("side", o.side);
  a("market", o.market);
  a("type", o.original_type);
  a("tif", o.time_in_force);
  a("quantity", o.quantity);
  a("price", o.price);
  a("trigger", o.trigger_price);
  a("reduce", o.reduce_only);
  a("close", o.close_position);
  a("status", o.status);
  a("filled", o.filled);
  a("quote", o.quote);
  a("algo", o.algo_id);
  a("created", o.created_ms);
  a("updated", o.updated_ms);
  a.Later("priority", o.priority);
  a.Later("amendments", o.amendments);
  a.Later("stp", o.self_trade);
  a.Later("activate", o.activate_price);
  a.Later("callback", o.callback_rate);
}

template <class Archive, class Order>
requires std::is_same_v<std::remove_const_t<Order>, AlgoOrder>
void Walk(Archive& a, Order& o) {
  a("id", o.algo_id);
  a("client", o.client_id);
  a("symbol", o.symbol);
  a("side", o.side);
  a("type", o.type);
  a("tif", o.time_in_force);
  a("quantity", o.quantity);
  a("price", o.price);
  a("trigger", o.trigger_price);
  a("on_mark", o.on_mark_price);
  a("reduce", o.reduce_only);
  a("close", o.close_position);
  a("status", o.status);
  a("order", o.order_id);
  a("executed", o.executed);
  a("average", o.average_price);
  a("why", o.reject_reason);
  a("created", o.created_ms);
  a("updated", o.updated_ms);
  a("triggered", o.triggered_ms);
  a.Later("stp", o.self_trade);
  a.Later("activate", o.activate_price);
  a.Later("callback", o.callback_rate);
  a.Later("activated", o.activated);
  a.Later("extreme", o.extreme);
}

template <class Archive, class Fill>
requires std::is_same_v<std::remove_const_t<Fill>, PaperFill>
void Walk(Archive& a, Fill& f) {
  a("trade", f.trade_id);
  a("order", f.order_id);
  a("symbol", f.symbol);
  a("side", f.side);
  a("price", f.price);
  a("quantity", f.quantity);
  a("fee", f.fee);
  a("pnl", f.realized_pnl);
  a("maker", f.maker);
  a("time", f.time_ms);
  a.Later("liquidation_fee", f.liquidation_fee);
}

template <class Archive, class Kept>
requires std::is_same_v<std::remove_const_t<Kept>, AccountKept>
void Walk(Archive& a, Kept& k) {
  a("start", k.start);
  a("wallet", k.wallet);
  a("next_order", k.next_order_id);
  a("next_algo", k.next_algo_id);
  a("next_trade", k.next_trade_id);
  a.Later("opened", k.opened_ms);
}

template <class Archive, class Kept>
requires std::is_same_v<std::remove_const_t<Kept>, SymbolKept>
void Walk(Archive& a, Kept& k) {
  a("symbol", k.symbol);
  a("quantity", k.quantity);
  a("entry", k.entry_price);
  a("pnl", k.realized_pnl);
  a("fees", k.fees);
  a("leverage", k.leverage);
  a("isolated", k.isolated);
  a("updated", k.updated_ms);
  a.Later("funding", k.funding);
  a.Later("isolated_wallet", k.isolated_wallet);
}

template <class Archive, class Set>
requires std::is_same_v<std::remove_const_t<Set>, CountdownSet>
void Walk(Archive& a, Set& c) {
  a("symbol", c.symbol);
  a("countdown", c.countdown_ms);
  a("deadline", c.deadline_ms);
}

template <class Archive, class Opened>
requires std::is_same_v<std::remove_const_t<Opened>, WalletOpened>
void Walk(Archive& a, Opened& w) {
  a("wallet", w.wallet);
  a.Later("opened", w.opened_ms);
}

template <class Archive, class Funding>
requires std::is_same_v<std::remove_const_t<Funding>, FundingSettled>
void Walk(Archive& a, Funding& f) {
  a("id", f.id);
  a("symbol", f.symbol);
  a("rate", f.rate);
  a("mark", f.mark_price);
  a("paid", f.paid);
  a("funding_time", f.funding_ms);
  a("time", f.time_ms);
}

template <class T>
json::object Written(const T& value) {
  Writer writer;
  Walk(writer, value);
  return std::move(writer.object);
}

template <class T>
T Read(const json::value& value) {
  T result;
  const Reader reader{value.as_object()};
  Walk(reader, result);
  return result;
}

json::object ToJson(const WalletOpened& r) {
  json::object object = Written(r);
  object["k"] = "wallet";
  return object;
}
json::object ToJson(const FundingSettled& r) { return {{"k", "funding"}, {"funding", Written(r)}}; }
json::object ToJson(const FundingKept& r) { return {{"k", "funding_kept"}, {"funding", Written(r.funding)}}; }
json::object ToJson(const OrderChanged& r) { return {{"k", "order"}, {"order", Written(r.order)}}; }
json::object ToJson(const AlgoChanged& r) { return {{"k", "algo"}, {"order", Written(r.order)}}; }
json::object ToJson(const Filled& r) { return {{"k", "fill"}, {"fill", Written(r.fill)}, {"order", Written(r.order)}}; }
json::object ToJson(const AccountKept& r) { return {{"k", "account_kept"}, {"account", Written(r)}}; }
json::object ToJson(const SymbolKept& r) { return {{"k", "symbol_kept"}, {"symbol", Written(r)}}; }
json::object ToJson(const FillKept& r) { return {{"k", "fill_kept"}, {"fill", Written(r.fill)}}; }
json::object ToJson(const CountdownSet& r) { return {{"k", "countdown"}, {"countdown", Written(r)}}; }
json::object ToJson(const LeverageSet& r) {
  return {{"k", "leverage"}, {"symbol", r.symbol}, {"leverage", r.leverage}};
}
json::object ToJson(const MarginTypeSet& r) {
  return {{"k", "margin_type"}, {"symbol", r.symbol}, {"isolated", r.isolated}};
}

Record Parse(std::string_view line) {
  const json::value value = json::parse(json::string_view(line.data(), line.size()));
  const json::object& object = value.as_object();
  const json::string& kind = object.at("k").as_string();
  if (kind == "wallet") {
    return Read<WalletOpened>(value);
  }
  if (kind == "order") {
    return OrderChanged{Read<PaperOrder>(object.at("order"))};
  }
  if (kind == "algo") {
    return AlgoChanged{Read<AlgoOrder>(object.at("order"))};
  }
  if (kind == "fill") {
    return Filled{Read<PaperFill>(object.at("fill")), Read<PaperOrder>(object.at("order"))};
  }
  if (kind == "account_kept") {
    return Read<AccountKept>(object.at("account"));
  }
  if (kind == "symbol_kept") {
    return Read<SymbolKept>(object.at("symbol"));
  }
  if (kind == "fill_kept") {
    return FillKept{Read<PaperFill>(object.at("fill"))};
  }
  if (kind == "funding") {
    return Read<FundingSettled>(object.at("funding"));
  }
  if (kind == "funding_kept") {
    return FundingKept{Read<FundingSettled>(object.at("funding"))};
  }
  if (kind == "countdown") {
    return Read<CountdownSet>(object.at("countdown"));
  }
  if (kind == "leverage") {
    return LeverageSet{std::string(object.at("symbol").as_string()),
                       static_cast<int>(object.at("leverage").as_int64())};
  }
  if (kind == "margin_type") {
    return MarginTypeSet{std::string(object.at("symbol").as_string()), object.at("isolated").as_bool()};
  }
  throw std::out_of_range("unknown kind of record");
}

}  // namespace

std::string_view ToString(Execution status) { return kExecutions.at(static_cast<size_t>(status)); }
std::string_view ToString(AlgoStatus status) { return kAlgoStatuses.at(static_cast<size_t>(status)); }
std::string_view ToString(SelfTradePrevention mode) { return kSelfTradePreventions.at(static_cast<size_t>(mode)); }

std::optional<SelfTradePrevention> ParseSelfTradePrevention(std::string_view text) {
  for (size_t i = 0; i < kSelfTradePreventions.size(); ++i) {
    if (kSelfTradePreventions[i] == text) {
      return static_cast<SelfTradePrevention>(i);
    }
  }
  return std::nullopt;
}

std::string EncodeRecord(const Record& record) {
  return std::visit([](const auto& r) { return json::serialize(ToJson(r)); }, record);
}

Result<Record> DecodeRecord(std::string_view line) {
  std::string problem;
  try {
    return Parse(line);
  } catch (const std::exception& broken) {
    problem = broken.what();
  }
  return Error{Errc::kInvalidArgument, "not a journal record: " + problem};
}

}  // namespace quantum::paper
