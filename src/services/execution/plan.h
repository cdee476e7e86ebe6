#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "exchange/venue.h"
#include "services/execution/trade.h"

// From an approved decision to the orders that carry it out. Sans-I/O.
namespace quantum::execution {

using trading::Leg;
using trading::Order;
using trading::event::Approval;
using trading::event::Decision;
using trading::event::Refusal;

// Every intent of a decision; for an opening: entry, stop and (when wanted) take-profits and trailing stop, in this
// order. All are INTENT and are committed together before the first is sent.
struct Plan {
  std::vector<Order> orders;
  std::optional<Trade> trade;  // of an opening
};

// What may keep execution from carrying out a decision. Exits pass everything here but the mode and the expiry.
struct Gates {
  std::string mode;  // this process's: PAPER, TESTNET, LIVE
  WallTime now{};
  std::string halted;  // the reason; empty: not halted
  bool paused = false;
  bool draining = false;
  bool symbol_halted = false;  // an order of this symbol has stayed unknown too long
  Decimal position;            // signed, what is open in the symbol
};
std::optional<Refusal> RefusedBy(const Gates& gates, const Decision& decision);

// Turns the approval into orders by the symbol's rules: the quantity is rounded down to the step, stop and take-profit
// to the tick (the stop towards the entry: never more risk than approved). `rules` may be null: unknown symbol.
std::variant<Plan, Refusal> MakePlan(const Approval& approval, const trading::SymbolRules* rules,
                                     const std::string& correlation_id, WallTime now);

// The record of a decision that was refused before anything was sent. One that came at the wrong time (halted, expired,
// …) is withdrawn: order CANCELED, trade CANCELLED. One that can never be right is a failure: REJECTED and FAILED.
Plan MakeRefusedPlan(const Approval& approval, const Refusal& refusal, bool withdrawn,
                     const std::string& correlation_id, WallTime now);

// A protective order for so much of a trade. `part` numbers the orders of one leg, from 0 without gaps. `trigger`: at
// which price; a trailing stop has none.
Order MakeProtection(const Trade& trade, Leg leg, int part, Decimal quantity, std::optional<Decimal> trigger,
                     WallTime now);

// How much of `entered` each target closes, in steps; where the shares add up to one the last takes the rest.
std::vector<Decimal> TargetQuantities(const Trade& trade, Decimal entered, Decimal step);

// A reduce-only market order against `position` (signed). Never for more than the position, whatever is asked: a close
// neither opens nor flips (quantity zero when there is nothing to close).
Order MakeClose(const std::string& decision_id, int part, const std::string& symbol, Decimal position, Decimal quantity,
                std::string_view reason, const std::string& correlation_id, WallTime now);

// What the venue is asked for.
exchange::NewOrder RequestOf(const Order& order);

}  // namespace quantum::execution
