#include "tests/platform/fill_audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tests/platform/ledger.h"
#include "tests/platform/recorded_market.h"

namespace quantum::testing {

using trading::Decimal;
using trading::Side;
using trading::operator""_dec;

namespace {

constexpr int64_t kOwnTakingMs = 10'000;
constexpr seconds kClockMax(10);

const Decimal kTakerFee = "0.0005"_dec;  // of a regular user: https://www.binance.com/en/fee/futureFee, VIP 0
const Decimal kMakerFee = "0.0002"_dec;

// A fill that waits for its explanation while the recording is read.
struct Claim {
  ExchangeFill fill;
  MarketClock::Span span;
  bool explained = false;
  Decimal own_taken;  // taker: by this account on this side shortly before, the fill itself not counted
  // Maker: the order's price and placing, and what has happened since.
  Decimal price;
  MarketClock::Span placed;
  Decimal filled;                // of the order, this fill included
  std::optional<Decimal> ahead;  // the least that was displayed at its price when it may have been placed
  Decimal traded;                // at its price, by takers of the other side
  bool rests = false;            // it was placed
  bool is_first = false;         // of its order's fills
  bool too_late = false;         // its price was reached before, and it was not filled
  bool reached = false;          // traded through, or the other side's best at its price
  std::string last_seen;

  Side taker_side() const { return fill.buy ? Side::kBuy : Side::kSell; }
  Side other_side() const { return fill.buy ? Side::kSell : Side::kBuy; }
};

void SeeTaker(Claim& claim, const RecordedBook& book) {
  const Decimal offered = book.Offered(claim.taker_side(), claim.fill.price);
  const Decimal better = book.OfferedBetter(claim.taker_side(), claim.fill.price);
  claim.explained = offered >= claim.fill.quantity && better <= claim.own_taken;
  if (!claim.explained) {
    claim.last_seen = fmt::format("offered there {}, at better prices {}", offered.ToString(), better.ToString());
  }
}

void SeeMaker(Claim& claim, int64_t time_ms, const RecordedBook& book, const RecordedTrade* trade) {
  if (time_ms < claim.placed.from_ms) {
    return;
  }
  // It was placed when the other side's best did not reach it, or it would have taken.
  const auto best = book.Best(claim.taker_side());
  const bool reached_by_best = best && (claim.fill.buy ? *best <= claim.price : *best >= claim.price);
  if (!claim.rests) {
    claim.rests = !reached_by_best && time_ms <= claim.placed.to_ms;
    claim.last_seen = "it would not have rested";
    if (!claim.rests) {
      return;
    }
  }
  // An order rests among those whom takers of the other side meet.
  const Decimal displayed = book.Offered(claim.other_side(), claim.price);
  if (!claim.ahead || (time_ms <= claim.placed.to_ms && displayed < *claim.ahead)) {
    claim.ahead = displayed;
  }
  bool reached = reached_by_best;
  if (trade != nullptr && trade->buyer_is_maker == claim.fill.buy) {
    reached = reached || (claim.fill.buy ? trade->price < claim.price : trade->price > claim.price);
    claim.traded += trade->price == claim.price ? trade->quantity : Decimal();
  }
  if (reached && claim.is_first && time_ms > claim.placed.to_ms && time_ms < claim.span.from_ms) {
    claim.too_late = true;
  }
  claim.reached = claim.reached || reached;
  claim.explained = time_ms >= claim.span.from_ms && !claim.too_late &&
                    (claim.reached || claim.traded >= *claim.ahead + claim.filled);
  claim.last_seen = claim.too_late ? "the market had reached its price long before"
                                   : fmt::format("displayed before it {}, traded at its price {}",
                                                 claim.ahead->ToString(), claim.traded.ToString());
}

std::vector<Claim> ClaimsOf(const Stack& stack, const MarketClock& clock, const std::string& symbol, FillAudit& audit) {
  std::vector<Claim> claims;
  const std::vector<ExchangeFill> fills = FillsOf(stack, symbol);
  if (!fills.empty() && !clock.AwaitAfter(fills.back().time_ms, kClockMax)) {
    audit.problems.push_back("the exchange does not say any more where its market stands");
    return claims;
  }
  std::map<int64_t, Decimal> filled;
  for (const ExchangeFill& fill : fills) {
    Claim claim;
    claim.fill = fill;
    filled[fill.order_id] += fill.quantity;
    const auto span = clock.At(fill.time_ms);
    if (!span) {
      audit.problems.push_back(fmt::format("nobody knows where the market stood at fill {}", fill.id));
      continue;
    }
    claim.span = *span;
    if (fill.maker) {
      const ExchangeOrder order = OrderOf(stack, symbol, fill.order_id);
      claim.price = order.price;
      claim.placed = clock.At(order.time_ms).value_or(*span);
      claim.filled = filled[fill.order_id];
      claim.is_first = claim.filled == fill.quantity;
      ++audit.maker;
      if (fill.price != order.price) {
        audit.problems.push_back(fmt::format("fill {}: a maker at {} was filled at {}", fill.id, order.price.ToString(),
                                             fill.price.ToString()));
      }
    } else {
      for (const ExchangeFill& other : fills) {
        if (other.id < fill.id && !other.maker && other.buy == fill.buy &&
            other.time_ms >= fill.time_ms - kOwnTakingMs) {
          claim.own_taken += other.quantity;
        }
      }
      ++audit.taker;
    }
    if (span->restarted) {
      ++audit.around_restarts;
    } else {
      audit.longest_span_ms = std::max(audit.longest_span_ms, span->to_ms - span->from_ms);
    }
    const Decimal fee = fill.price.Times(fill.quantity).Times(fill.maker ? kMakerFee : kTakerFee);
    if (fill.fee != fee) {
      audit.problems.push_back(
          fmt::format("fill {}: the fee is {}, not {}", fill.id, fill.fee.ToString(), fee.ToString()));
    }
    claims.push_back(std::move(claim));
  }
  return claims;
}

}  // namespace

FillAudit AuditFills(const Stack& stack, const MarketClock& clock, const std::string& symbol) {
  FillAudit audit;
  std::vector<Claim> claims = ClaimsOf(stack, clock, symbol, audit);
  // Those still to be explained; a claim leaves when the recording has passed its span.
  std::vector<Claim*> waiting;
  for (Claim& claim : claims) {
    waiting.push_back(&claim);
  }
  const auto see = [&](int64_t time_ms, const RecordedBook& book, const RecordedTrade* trade) {
    std::erase_if(waiting, [&](Claim* claim) {
      if (claim->fill.maker) {
        SeeMaker(*claim, time_ms, book, trade);
      } else if (time_ms >= claim->span.from_ms) {
        SeeTaker(*claim, book);
      }
      return claim->explained || time_ms > claim->span.to_ms;
    });
  };
  RecordedMarket::Replay(stack.RecordingOf(symbol), [&](int64_t time_ms, const RecordedBook& book,
                                                        const RecordedTrade* trade) { see(time_ms, book, trade); });
  for (const Claim& claim : claims) {
    if (!claim.explained) {
      audit.problems.push_back(
          fmt::format("{} fill {} ({}, {} {} at {}) does not happen in the recording from {} to {}: {}", symbol,
                      claim.fill.id, claim.fill.maker ? "maker" : "taker", claim.fill.buy ? "BUY" : "SELL",
                      claim.fill.quantity.ToString(), claim.fill.price.ToString(), claim.span.from_ms, claim.span.to_ms,
                      claim.last_seen.empty() ? "the recording is over" : claim.last_seen));
    }
  }
  return audit;
}

}  // namespace quantum::testing
