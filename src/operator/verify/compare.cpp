#include "operator/verify/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "trading/liquidation.h"

namespace quantum::operate {

namespace {

using trading::Decimal;
using trading::OrderStatus;

std::string Text(Decimal value) { return value.ToString(); }

std::string RowOf(const std::string& difference) { return difference.substr(0, difference.find(':')); }

void CompareOrders(const Ledger& postgres, const Ledger& venue, std::vector<std::string>& differences) {
  for (const auto& [id, ours] : postgres.orders) {
    const auto found = venue.orders.find(id);
    if (found == venue.orders.end()) {
      const bool never_sent =
          ours.status == OrderStatus::kIntent || (ours.status == OrderStatus::kCanceled && !ours.acknowledged);
      if (!never_sent && ours.status != OrderStatus::kRejected) {
        differences.push_back(
            fmt::format("order {}: {} in Postgres, unknown to the exchange", id, ToString(ours.status)));
      }
      continue;
    }
    if (ours.status != found->second.status) {
      differences.push_back(fmt::format("order {}: {} in Postgres, {} at the exchange", id, ToString(ours.status),
                                        ToString(found->second.status)));
    }
    if (ours.filled_quantity != found->second.filled_quantity) {
      differences.push_back(fmt::format("order {}: {} filled in Postgres, {} at the exchange", id,
                                        Text(ours.filled_quantity), Text(found->second.filled_quantity)));
    }
  }
  for (const auto& [id, theirs] : venue.orders) {
    // The venue's own is no order of ours: its fills are compared as all are.
    if (!postgres.orders.contains(id) && !trading::IsLiquidation(id)) {
      differences.push_back(fmt::format("order {}: {} at the exchange, not in Postgres", id, ToString(theirs.status)));
    }
  }
}

void CompareFills(const Ledger& postgres, const Ledger& venue, std::vector<std::string>& differences) {
  for (const auto& [key, ours] : postgres.fills) {
    const std::string name = fmt::format("fill {} {}", key.first, key.second);
    const auto found = venue.fills.find(key);
    if (found == venue.fills.end()) {
      differences.push_back(name + ": in Postgres, unknown to the exchange");
      continue;
    }
    const trading::Fill& theirs = found->second;
    const auto compare = [&](const char* what, Decimal left, Decimal right) {
      if (left != right) {
        differences.push_back(
            fmt::format("{}: {} {} in Postgres, {} at the exchange", name, what, Text(left), Text(right)));
      }
    };
    compare("price", ours.price, theirs.price);
    compare("quantity", ours.quantity, theirs.quantity);
    compare("fee", ours.fee, theirs.fee);
    compare("realized result", ours.realized_pnl, theirs.realized_pnl);
    if (ours.side != theirs.side) {
      differences.push_back(name + ": the sides differ");
    }
  }
  for (const auto& [key, theirs] : venue.fills) {
    if (!postgres.fills.contains(key)) {
      differences.push_back(fmt::format("fill {} {}: at the exchange, not in Postgres", key.first, key.second));
    }
  }
}

void ComparePositions(const Ledger& postgres, const Ledger& venue, std::vector<std::string>& differences) {
  const auto quantity = [](const Ledger& ledger, const std::string& symbol) {
    const auto found = ledger.positions.find(symbol);
    return found == ledger.positions.end() ? Decimal() : found->second;
  };
  std::map<std::string, bool> symbols;
  for (const Ledger* ledger : {&postgres, &venue}) {
    for (const auto& [symbol, position] : ledger->positions) {
      symbols[symbol] = true;
    }
  }
  for (const auto& [symbol, present] : symbols) {
    const Decimal ours = quantity(postgres, symbol);
    const Decimal theirs = quantity(venue, symbol);
    if (ours != theirs) {
      differences.push_back(
          fmt::format("position {}: {} in Postgres, {} at the exchange", symbol, Text(ours), Text(theirs)));
    }
  }
}

}  // namespace

std::vector<std::string> Compare(const Ledger& postgres, const Ledger& venue) {
  std::vector<std::string> differences;
  CompareOrders(postgres, venue, differences);
  CompareFills(postgres, venue, differences);
  ComparePositions(postgres, venue, differences);
  if (postgres.wallet && venue.wallet && *postgres.wallet != *venue.wallet) {
    differences.push_back(fmt::format("balance: {} by the fills in Postgres, {} at the exchange",
                                      Text(*postgres.wallet), Text(*venue.wallet)));
  }
  return differences;
}

Beyond RemoveBeyond(Ledger& postgres, const Ledger& venue) {
  Beyond beyond;
  beyond.orders = std::erase_if(postgres.orders, [&](const auto& entry) {
    const auto& [id, order] = entry;
    if (venue.orders.contains(id) || order.exchange_id == 0 || !trading::IsFinal(order.status)) {
      return false;
    }
    // A conditional order that filled bears the number of the plain order it spawned.
    const bool numbered_apart = order.conditional && order.filled_quantity.is_zero();
    return order.exchange_id < (numbered_apart ? venue.algos_from : venue.orders_from);
  });
  beyond.fills = std::erase_if(postgres.fills, [&](const auto& entry) {
    const auto from = venue.fills_from.find(entry.first.first);
    return from != venue.fills_from.end() && entry.first.second < from->second && !venue.fills.contains(entry.first);
  });
  return beyond;
}

void Looks::Add(std::vector<std::string> differences) {
  if (looks_++ > 0) {
    std::set<std::string> rows;
    for (const std::string& difference : lasting_) {
      rows.insert(RowOf(difference));
    }
    std::erase_if(differences, [&](const std::string& difference) { return !rows.contains(RowOf(difference)); });
  }
  same_ = differences == lasting_ ? same_ + 1 : 1;
  lasting_ = std::move(differences);
}

}  // namespace quantum::operate
