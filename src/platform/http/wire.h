#pragma once

#include <string>
#include <string_view>

#include "platform/base/clock.h"
#include "platform/http/message.h"

// The bytes of an HTTP/1.1 message head (RFC 9112).
namespace quantum::http {

// "Not Found" for 404; "Unknown" for a status without a name.
std::string_view ReasonPhrase(int status);

// Whether an answer with this status has no body (RFC 9110, 6.4.1).
bool IsBodiless(int status);

// Appends "Name: value\r\n". Control characters are left out, so that a value cannot end the line and add headers.
void AppendHeader(std::string& out, std::string_view name, std::string_view value);

struct ResponseHead {
  std::string_view correlation_id;  // as IsCorrelationId allows; empty: no X-Correlation-ID
  std::string_view date;            // empty: no Date
  bool close = false;               // Connection: close
  bool keep_alive = false;          // Connection: keep-alive, which HTTP/1.0 must be told
};
// Appends the status line and all headers, with the empty line after them. Content-Length is that of response.body.
void AppendResponseHead(std::string& out, const Response& response, const ResponseHead& head);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::string FormatHttpDate(WallTime time);

}  // namespace quantum::http
