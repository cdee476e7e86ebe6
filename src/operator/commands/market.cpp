#include "operator/commands/market.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "operator/commands/api.h"
#include "operator/commands/unit_table.h"
#include "operator/output.h"
#include "operator/table.h"

namespace quantum::operate {

namespace json = boost::json;

std::string MarketNow(const Running& running) {
  const bool paper = running.manifest.mode() == config::Mode::kPaper;
  const json::value label = paper ? AskJson(running, "paper-exchange", "/paper/market")
                                  : AskJson(running, "marketdata", "/api/market/source");
  const auto text = [&](std::string_view field) -> std::string {
    const json::value* found = label.is_object() ? label.get_object().if_contains(field) : nullptr;
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  if (const std::string source = text("source"); !source.empty()) {
    return fmt::format("{}: {}{}", source, text("detail"), paper ? ", speed " + text("speed") : "");
  }
  config::Section market = running.manifest.Top("market");
  return paper ? MarketLabel(market.GetString("source", "synthetic"), market.GetString("seed", "1"),
                             market.GetString("speed", "1")) +
                     " (configured; the exchange does not say)"
               : "unknown";
}

void PrintRows(const Context& context, const Running& running, const std::string& rows,
               const std::vector<Column>& columns) {
  if (context.json) {
    Write(rows + "\n");
    return;
  }
  Write(FormatJsonRows(rows, columns));
  PrintMarket(running);
}

void PrintMarket(const Running& running) {
  Write(Wrap(fmt::format("Mode {}, market {}.", config::ToString(running.manifest.mode()), MarketNow(running))));
}

}  // namespace quantum::operate
