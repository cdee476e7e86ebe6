#include "exchange/binance/parameters.h"

#include "exchange/binance/signer.h"

namespace quantum::binance {
namespace {

bool IsUnreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

Parameters& Parameters::Add(std::string_view name, std::string_view value) {
  if (!text_.empty()) {
    text_ += '&';
  }
  text_ += name;
  text_ += '=';
  for (const char c : value) {
    if (IsUnreserved(c)) {
      text_ += c;
    } else {
      static constexpr char kDigits[] = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      text_ += '%';
      text_ += kDigits[byte >> 4];
      text_ += kDigits[byte & 15];
    }
  }
  return *this;
}

void Parameters::Sign(std::string_view secret, int64_t timestamp_ms, int64_t recv_window_ms) {
  Add("recvWindow", recv_window_ms);
  Add("timestamp", timestamp_ms);
  Add("signature", HmacSha256Hex(secret, text_));
}

}  // namespace quantum::binance
