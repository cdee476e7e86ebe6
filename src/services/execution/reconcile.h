#pragma once

#include <string>
#include <vector>

#include "exchange/venue.h"
#include "services/execution/ledger.h"

// What differs between the venue and us, and what to do about it: the venue is the truth. Sans-I/O.
namespace quantum::execution {

// Every client order id of the platform starts so (trading/order.h).
inline constexpr std::string_view kOwnPrefix = "qt-";

struct VenueView {
  WallTime asked{};  // our clock, before the first question: what changed later is not compared
  std::vector<exchange::VenueOrder> open_orders;
  std::vector<exchange::VenuePosition> positions;
};

struct PositionDifference {
  std::string symbol;
  Decimal ours;
  Decimal venues;
  Decimal venue_entry_price;
};

struct Differences {
  std::vector<trading::OrderReport> reports;  // the venue's word on orders that we know
  std::vector<exchange::VenueOrder> terms;    // known, and standing there with another quantity or trigger price
  std::vector<std::string> ask;               // live for us, not listed by the venue: ask for each
  // To be cancelled: ours without a record, or over by our record; or guarding nothing.
  std::vector<exchange::VenueOrder> orphans;
  std::vector<exchange::VenueOrder> foreign;  // somebody else's entries: raised, not touched
  std::vector<PositionDifference> positions;
};

// It stands at the venue with another quantity, or another trigger price, than we know.
bool HasOtherTerms(const Order& ours, const exchange::VenueOrder& theirs);

Differences Compare(const Ledger& ledger, const VenueView& view);

}  // namespace quantum::execution
