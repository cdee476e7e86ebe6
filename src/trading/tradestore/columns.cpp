#include "trading/tradestore/columns.h"

#include <array>

#include "platform/base/assert.h"

namespace quantum::tradestore {

std::span<const Column> Columns() {
  static constexpr std::array<Column, 31> kColumns = {{
      {"trade_id", Kind::kText, true},
      {"symbol", Kind::kText, true},
      {"side", Kind::kText, true},
      {"status", Kind::kText, true},
      {"quantity", Kind::kQuantity, true},
      {"leverage", Kind::kInteger, true},
      {"margin_usd", Kind::kMoney, false},
      {"entry_price", Kind::kPrice, false},
      {"entry_time", Kind::kTime, false},
      {"sl_price", Kind::kPrice, false},
      {"tp_price", Kind::kPrice, false},
      {"trail_percent", Kind::kMoney, false},
      {"exit_price", Kind::kPrice, false},
      {"exit_time", Kind::kTime, false},
      {"close_reason", Kind::kText, false},
      {"pnl_usd", Kind::kMoney, false},
      {"pnl_pct", Kind::kMoney, false},
      {"r_multiple", Kind::kMoney, false},
      {"entry_fee_usd", Kind::kMoney, false},
      {"exit_fee_usd", Kind::kMoney, false},
      {"funding_fees_usd", Kind::kMoney, false},
      {"model", Kind::kText, false},
      {"confidence", Kind::kReal, false},
      {"strategy", Kind::kText, false},
      {"regime", Kind::kText, false},
      {"exchange_order_id", Kind::kText, false},
      {"sl_order_id", Kind::kText, false},
      {"tp_order_id", Kind::kText, false},
      {"metadata", Kind::kJson, false},
      {"created_at", Kind::kTime, true},
      {"updated_at", Kind::kTime, true},
  }};
  return kColumns;
}

size_t IndexOf(std::string_view name) {
  const auto columns = Columns();
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) {
      return i;
    }
  }
  QUANTUM_ASSERT(false);
}

}  // namespace quantum::tradestore
