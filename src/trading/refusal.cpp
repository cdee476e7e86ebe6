#include "trading/refusal.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

namespace quantum::trading {
namespace {

constexpr std::string_view kVenueRefused = "VENUE_REFUSED";
constexpr std::string_view kNotFilled = "NOT_FILLED";

const std::map<std::string_view, std::string_view>& Meanings() {
  static const std::map<std::string_view, std::string_view> meanings = {
      // The decision itself.
      {"MODE_MISMATCH", "it was made for another mode (paper, testnet, live) than the platform runs in"},
      {"DUPLICATE_DECISION", "its id was decided already; the first verdict stands"},
      {"DECISION_EXPIRED", "it came after its time"},
      {"EXPIRY_TOO_FAR", "it would stay valid longer than any decision may"},
      {"UNKNOWN_SYMBOL", "the venue does not list the symbol"},
      {"SYMBOL_NOT_TRADING", "the venue has halted the symbol"},
      {"QUANTITY_NOT_POSITIVE", "its quantity is not above zero"},
      {"QUANTITY_PRECISION", "its quantity is no multiple of the symbol's step"},
      {"QUANTITY_RANGE", "its quantity is outside of what the venue takes"},
      {"QUANTITY_BELOW_MIN", "its quantity is below the venue's minimum"},
      {"QUANTITY_EXCEEDS_MAX", "its quantity is above the venue's maximum"},
      {"PRICE_PRECISION", "a price is no multiple of the symbol's tick"},
      {"PRICE_RANGE", "a price is outside of what the venue takes"},
      {"NOTIONAL_BELOW_MIN", "it is worth less than the venue's minimum"},
      {"NOTIONAL_EXCEEDS_MAX", "it is worth more than the policy allows a position to be"},
      {"REDUCE_ONLY_INCREASES", "a close would open, grow or turn a position"},
      {"NOTHING_TO_CLOSE", "when its turn came nothing was left to close"},
      {"OPPOSITE_POSITION", "a position of the other side is open in the symbol"},
      // Its stop, its targets, its way into the market.
      {"STOP_LOSS_MISSING", "an entry must carry its stop"},
      {"STOP_LOSS_WRONG_SIDE", "its stop is where it would trigger at once, or would gain"},
      {"TAKE_PROFIT_WRONG_SIDE", "a take-profit is on the losing side of its price"},
      {"TAKE_PROFIT_SHARES", "the parts of its take-profits do not fit together"},
      {"TAKE_PROFIT_BELOW_MIN", "a part of its take-profits is below the venue's minimum"},
      {"TRAIL_RANGE", "its trailing stop is closer or wider than the venue takes"},
      {"SLIPPAGE_RANGE", "its guard against slippage is outside of what is allowed"},
      {"SLIPPAGE_WITH_PRICE", "it has both a limit price and a guard against slippage"},
      {"TIME_IN_FORCE_WITHOUT_PRICE", "it has a time in force and no limit price"},
      // The policy, and what is known of account and market.
      {"LEVERAGE_OUT_OF_BOUNDS", "its leverage is outside of the policy's bounds"},
      {"LEVERAGE_NOT_SET", "the venue did not take its leverage or margin mode"},
      {"CONFIDENCE_BELOW_MIN", "the model is less sure than the policy asks for"},
      {"RISK_PER_TRADE_EXCEEDS_MAX", "at its stop it would lose more of the equity than the policy allows a trade"},
      {"DAILY_LOSS", "the day's loss has reached the policy's maximum"},
      {"MAX_POSITIONS", "all positions that the policy allows are taken"},
      {"POSITION_EXCEEDS_MAX", "with what is held and promised, its symbol would be worth more than a position may be"},
      {"EXPOSURE_EXCEEDS_MAX", "all positions together would exceed the limit of equity"},
      {"CONCENTRATION", "all positions of its side together would exceed the limit of equity"},
      {"INSUFFICIENT_BALANCE", "the free margin, less what is promised, is not enough"},
      {"ACCOUNT_UNKNOWN", "the account is not known well enough"},
      {"STALE_MARKET_DATA", "the price is too old, or not known"},
      {"PRICE_COLLAR", "its price is too far from the mark price"},
      {"ORDER_RATE", "too many orders were approved within the last minute"},
      // What holds entries back.
      {"EMERGENCY_STOP", "the emergency stop is tripped or cools down"},
      {"TRADING_STATE", "new risk is not taken at the moment"},
      {"NO_SYNCHRONOUS_STANDBY", "what is committed has been on one node of Postgres alone for too long"},
      {"HALTED", "entries are halted"},
      {"PAUSED", "an operator has paused execution"},
      {"DRAINING", "execution was stopping"},
      {"SYMBOL_HALTED", "an earlier order of the symbol has an unknown outcome"},
      // On the way to the venue.
      {"NOT_SENT", "it never left execution"},
      {"NEVER_SENT", "execution ended before it was sent"},
      {"GONE", "it was with the venue, which does not have it any more"},
      {"NEVER_ARRIVED", "it was sent, and the venue proves not to have it"},
      {kVenueRefused, "the venue refused it"},
      {kNotFilled,
       "the venue ended it without a fill: within its price, or its guard against slippage, there was nothing to "
       "have"}};
  return meanings;
}

bool IsCode(std::string_view text) {
  return text.size() > 3 && std::ranges::all_of(text, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

bool StartsWithNumber(std::string_view text) {
  const size_t sign = text.starts_with('-') ? 1 : 0;
  return text.size() > sign && text[sign] >= '0' && text[sign] <= '9';
}

}  // namespace

std::vector<std::string_view> RefusalCodes() {
  std::vector<std::string_view> codes;
  for (const auto& [code, meaning] : Meanings()) {
    codes.push_back(code);
  }
  return codes;
}

std::string_view MeaningOf(std::string_view code) {
  const auto found = Meanings().find(code);
  return found == Meanings().end() ? std::string_view() : found->second;
}

std::string RefusalLabel(std::string_view code) { return Meanings().contains(code) ? std::string(code) : "OTHER"; }

std::optional<event::Refusal> RefusalOf(Leg leg, OrderStatus status, Decimal filled_quantity, std::string_view reason) {
  const bool ended =
      status == OrderStatus::kRejected || status == OrderStatus::kCanceled || status == OrderStatus::kExpired;
  if (IsProtective(leg) || !ended || filled_quantity.is_positive()) {
    return std::nullopt;
  }
  const size_t colon = reason.find(':');
  if (colon != std::string_view::npos && IsCode(reason.substr(0, colon))) {
    const size_t begin = reason.find_first_not_of(' ', colon + 1);
    return event::Refusal{std::string(reason.substr(0, colon)),
                          std::string(begin == std::string_view::npos ? "" : reason.substr(begin))};
  }
  if (StartsWithNumber(reason) || status == OrderStatus::kRejected) {
    return event::Refusal{std::string(kVenueRefused), std::string(reason)};
  }
  if (status == OrderStatus::kExpired) {
    return event::Refusal{std::string(kNotFilled), "status=EXPIRED filled=0"};
  }
  return std::nullopt;
}

std::string ToJson(const std::vector<RecordedRefusal>& refusals) {
  boost::json::array items;
  for (const RecordedRefusal& one : refusals) {
    items.push_back(boost::json::object{{"time", one.time_ms},
                                        {"service", one.service},
                                        {"decision_id", one.decision_id},
                                        {"symbol", one.symbol},
                                        {"code", one.refusal.code},
                                        {"detail", one.refusal.detail},
                                        {"meaning", MeaningOf(one.refusal.code)}});
  }
  return boost::json::serialize(boost::json::object{{"items", std::move(items)}});
}

}  // namespace quantum::trading
