#pragma once

#include <cstdint>
#include <string>

#include "platform/base/result.h"

namespace quantum::http {

// A URL as a client needs it (RFC 3986).
struct Url {
  std::string scheme;  // lower case: http, https, ws, wss
  std::string host;    // without brackets
  uint16_t port = 0;
  std::string target;     // path and query as they go on the wire, at least "/"
  std::string authority;  // for the Host header: host, and the port unless it is the scheme's own
  std::string user_info;  // decoded "user:password"; never shown

  bool secure() const { return scheme == "https" || scheme == "wss"; }
  // For logs and messages: neither user info nor query.
  std::string Shown() const;
};

// Errors never repeat the URL's user info.
Result<Url> ParseUrl(const std::string& text);

// The connections that may be shared.
std::string PoolKey(const Url& url);

}  // namespace quantum::http
