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

json::array AskFills(const Stack& stack, const std::string& symbol, int64_t from_id) {
  const std::string query =
      fmt::format("symbol={}&fromId={}&limit={}&recvWindow=5000&timestamp={}", symbol, from_id, kPage, NowMs());
  const Answer answer = Send(
      {.port = stack.Port("paper-exchange"),
       .path = fmt::format("/fapi/v1/userTrades?{}&signature={}", query, Sign(stack.Secret("exchange-secret"), query)),
       .headers = {{"X-MBX-APIKEY", stack.Secret("exchange-key")}}});
  if (answer.status != 200) {
    throw std::runtime_error(fmt::format("userTrades of {} answered {}: {}", symbol, answer.status, answer.body));
  }
  return json::parse(answer.body).as_array();
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
    const json::array page = AskFills(stack, symbol, fills.empty() ? 0 : fills.back().id + 1);
    for (const json::value& fill : page) {
      fills.push_back({.id = fill.at("id").as_int64(),
                       .buy = fill.at("side").as_string() == "BUY",
                       .price = ToDecimal(fill.at("price")),
                       .quantity = ToDecimal(fill.at("qty")),
                       .fee = ToDecimal(fill.at("commission"))});
    }
    if (page.size() < kPage) {
      return fills;
    }
  }
}

}  // namespace quantum::testing
