#include "exchange/binance/parameters.h"

#include <algorithm>

#include "exchange/binance/signer.h"

namespace quantum::binance {
namespace {

// RFC 3986, 2.3.
constexpr auto IsUnreserved = [](char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
};

constexpr size_t kUsual = 384;  // bytes of an order's parameters with its signature, rounded up

}  // namespace

Parameters& Parameters::Add(std::string_view name, std::string_view value) {
  if (text_.empty()) {
    text_.reserve(kUsual);
  } else {
    text_ += '&';
  }
  text_ += name;
  text_ += '=';
  while (true) {
    const size_t plain = static_cast<size_t>(std::ranges::find_if_not(value, IsUnreserved) - value.begin());
    text_ += value.substr(0, plain);
    if (plain == value.size()) {
      return *this;
    }
    static constexpr char kDigits[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(value[plain]);
    text_ += '%';
    text_ += kDigits[byte >> 4];
    text_ += kDigits[byte & 15];
    value.remove_prefix(plain + 1);
  }
}

void Parameters::Sign(std::string_view secret, int64_t timestamp_ms, int64_t recv_window_ms) {
  Add("recvWindow", recv_window_ms);
  Add("timestamp", timestamp_ms);
  Add("signature", HmacSha256Hex(secret, text_));
}

}  // namespace quantum::binance
