#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "trading/decimal.h"

namespace quantum::binance {

// The parameters of a request as they are sent and signed: percent-encoded (RFC 3986) in the order of the calls.
class Parameters {
 public:
  Parameters& Add(std::string_view name, std::string_view value);
  Parameters& Add(std::string_view name, const char* value) { return Add(name, std::string_view(value)); }
  Parameters& Add(std::string_view name, const std::string& value) { return Add(name, std::string_view(value)); }
  Parameters& Add(std::string_view name, int64_t value) { return Add(name, std::to_string(value)); }
  Parameters& Add(std::string_view name, trading::Decimal value) { return Add(name, value.ToString()); }
  Parameters& Add(std::string_view name, bool value) { return Add(name, value ? "true" : "false"); }

  // Appends timestamp (ms, the venue's clock), recvWindow (ms) and the signature over everything.
  void Sign(std::string_view secret, int64_t timestamp_ms, int64_t recv_window_ms);

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace quantum::binance
