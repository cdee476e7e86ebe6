#include <boost/json.hpp>
#include <stdexcept>

#include "platform/log/log.h"
#include "services/risk_safety/service.h"

// What risk-safety saves on the way down and takes up again.
namespace quantum::risk_safety {
namespace {

namespace json = boost::json;

json::object TimesJson(const std::map<std::string, WallTime>& times) {
  json::object object;
  for (const auto& [id, at] : times) {
    object[id] = ToUnixMs(at);
  }
  return object;
}

}  // namespace

std::string RiskSafety::SaveState() {
  json::array positions;
  for (const auto& [symbol, fact] : views_.positions()) {
    positions.push_back(json::object{{"symbol", symbol},
                                     {"quantity", fact.quantity.ToString()},
                                     {"entry_price", fact.entry_price.ToString()},
                                     {"protected", fact.is_protected},
                                     {"time", fact.time_ms}});
  }
  return json::serialize(json::object{{"execution_errors", TimesJson(conditions_->execution_errors())},
                                      {"orders", TimesJson(views_.orders())},
                                      {"positions", std::move(positions)}});
}

void RiskSafety::RestoreState(std::string_view text) {
  try {
    const json::value value = json::parse({text.data(), text.size()});
    for (const auto& [id, at] : value.at("execution_errors").as_object()) {
      conditions_->OnExecutionError(std::string(id), FromUnixMs(at.as_int64()));
    }
    for (const auto& [id, at] : value.at("orders").as_object()) {
      views_.OnOrder(std::string(id), FromUnixMs(at.as_int64()));
    }
    for (const json::value& position : value.at("positions").as_array()) {
      const auto decimal = [&](const char* field) {
        const auto parsed = Decimal::Parse(std::string_view(position.at(field).as_string()));
        if (!parsed.ok()) {
          throw std::invalid_argument(parsed.error().message);
        }
        return *parsed;
      };
      OnPosition({.symbol = std::string(position.at("symbol").as_string()),
                  .quantity = decimal("quantity"),
                  .entry_price = decimal("entry_price"),
                  .is_protected = position.at("protected").as_bool(),
                  .time_ms = position.at("time").as_int64()});
    }
  } catch (const std::exception& error) {
    // It only saves time: execution tells all of it again.
    log::Warning("the saved state could not be read", {{"reason", error.what()}});
  }
}

}  // namespace quantum::risk_safety
