#pragma once

#include <string>
#include <string_view>

// Binance's request signature: HMAC-SHA256 over the query string followed by the body, as lower-case hexadecimal
// (developers.binance.com, "SIGNED Endpoint Security").
namespace quantum::binance {

std::string HmacSha256Hex(std::string_view secret, std::string_view message);

}  // namespace quantum::binance
