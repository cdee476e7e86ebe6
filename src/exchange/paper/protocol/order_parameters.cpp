#include "exchange/paper/protocol/order_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace quantum::paper {
namespace {

constexpr size_t kClientIdMax = 36;
constexpr std::string_view kClientIdPattern = R"(^[\.A-Z\:/a-z0-9_-]{1,36}$)";

bool IsOfClientId(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view(".:/_-").find(c) != std::string_view::npos;
}

}  // namespace

bool IsConditionalType(const std::string& type) {
  return type == "STOP" || type == "STOP_MARKET" || type == "TAKE_PROFIT" || type == "TAKE_PROFIT_MARKET" ||
         type == "TRAILING_STOP_MARKET";
}

Side ReadSide(Parameters& parameters) {
  const std::string text = parameters.Text("side");
  const auto side = trading::ParseSide(text);
  if (!side.ok()) {
    parameters.Refuse({-1117, "Invalid side."});
    return Side::kBuy;
  }
  return *side;
}

TimeInForce ReadTimeInForce(Parameters& parameters, bool mandatory) {
  const std::string text = mandatory ? parameters.Text("timeInForce") : parameters.Text("timeInForce", "GTC");
  const auto tif = trading::ParseTimeInForce(text);
  if (!tif.ok()) {
    parameters.Refuse({-1115, "Invalid timeInForce."});
    return TimeInForce::kGtc;
  }
  return *tif;
}

SelfTradePrevention ReadSelfTradePrevention(Parameters& parameters) {
  const auto mode = ParseSelfTradePrevention(parameters.Text("selfTradePreventionMode", "EXPIRE_TAKER"));
  if (!mode) {
    parameters.Refuse({-5039, "Invalid self trade prevention mode"});
  }
  return mode.value_or(SelfTradePrevention::kExpireTaker);
}

std::string ReadClientId(Parameters& parameters, const char* name) {
  const std::string id = parameters.Text(name, "");
  if (id.size() > kClientIdMax) {
    parameters.Refuse({-4015, "Client order id length should not be more than 36 chars"});
  } else if (!std::all_of(id.begin(), id.end(), IsOfClientId)) {
    parameters.Refuse({-1100, fmt::format("Illegal characters found in parameter '{}'; legal range is '{}'.", name,
                                          kClientIdPattern)});
  }
  return id;
}

void CheckPositionSide(Parameters& parameters) {
  if (parameters.Text("positionSide", "BOTH") != "BOTH") {
    parameters.Refuse({-4061, "Order's position side does not match user's setting."});
  }
}

}  // namespace quantum::paper
