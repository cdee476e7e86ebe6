#include "tests/platform/ledger.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <stdexcept>

namespace quantum::testing {

namespace json = boost::json;
using trading::Decimal;

namespace {

constexpr size_t kPage = 1000;

std::string Sign(const std::string& secret, const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  ::HMAC(::EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) {
    hex += fmt::format("{:02x}", digest[i]);
  }
  return hex;
}

json::value AskSigned(const Stack& stack, const std::string& path, const std::string& parameters) {
  const std::string query = fmt::format("{}&recvWindow=5000&timestamp={}", parameters, NowMs());
  const Answer answer =
      Send({.port = stack.Port("paper-exchange"),
            .path = fmt::format("{}?{}&signature={}", path, query, Sign(stack.Secret("exchange-secret"), query)),
            .headers = {{"X-MBX-APIKEY", stack.Secret("exchange-key")}}});
  if (answer.status != 200) {
    throw std::runtime_error(fmt::format("{}?{} answered {}: {}", path, parameters, answer.status, answer.body));
  }
  return json::parse(answer.body);
}

}  // namespace

Decimal ToDecimal(const json::value& text) {
  const auto parsed = Decimal::Parse(json::value_to<std::string>(text));
  if (!parsed.ok()) {
    throw std::runtime_error("not a decimal: " + json::serialize(text));
  }
  return *parsed;
}

std::vector<ExchangeFill> FillsOf(const Stack& stack, const std::string& symbol) {
  std::vector<ExchangeFill> fills;
  for (;;) {
    const json::value answer =
        AskSigned(stack, "/fapi/v1/userTrades",
                  fmt::format("symbol={}&fromId={}&limit={}", symbol, fills.empty() ? 0 : fills.back().id + 1, kPage));
    const json::array& page = answer.as_array();
    for (const json::value& fill : page) {
      fills.push_back({.id = fill.at("id").as_int64(),
                       .order_id = fill.at("orderId").as_int64(),
                       .time_ms = fill.at("time").as_int64(),
                       .buy = fill.at("side").as_string() == "BUY",
                       .maker = fill.at("maker").as_bool(),
                       .price = ToDecimal(fill.at("price")),
                       .quantity = ToDecimal(fill.at("qty")),
                       .fee = ToDecimal(fill.at("commission"))});
    }
    if (page.size() < kPage) {
      return fills;
    }
  }
}

ExchangeOrder OrderOf(const Stack& stack, const std::string& symbol, int64_t order_id) {
  const json::value order = AskSigned(stack, "/fapi/v1/order", fmt::format("symbol={}&orderId={}", symbol, order_id));
  return {.price = ToDecimal(order.at("price")),
          .quantity = ToDecimal(order.at("origQty")),
          .time_ms = order.at("time").as_int64()};
}

}  // namespace quantum::testing
