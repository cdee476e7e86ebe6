#include "platform/http/wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "platform/http/text.h"

namespace quantum::http {
namespace {

constexpr auto IsControl = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; };

void AppendWithoutControls(std::string& out, std::string_view text) {
  if (std::none_of(text.begin(), text.end(), IsControl)) {
    out.append(text);
    return;
  }
  std::copy_if(text.begin(), text.end(), std::back_inserter(out), [](char c) { return !IsControl(c); });
}

void AppendNumber(std::string& out, size_t number) {
  const fmt::format_int text(number);
  out.append(text.data(), text.size());
}

// These belong to the server: a handler's own would contradict the body or the connection.
bool IsFraming(std::string_view name) {
  return EqualIgnoringCase(name, "Content-Length") || EqualIgnoringCase(name, "Connection") ||
         EqualIgnoringCase(name, "Transfer-Encoding");
}

}  // namespace

std::string_view ReasonPhrase(int status) {
  switch (status) {
    // clang-format off
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 418: return "I'm a teapot";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
      // clang-format on
  }
}

bool IsBodiless(int status) { return status < 200 || status == 204 || status == 304; }

void AppendHeader(std::string& out, std::string_view name, std::string_view value) {
  AppendWithoutControls(out, name);
  out.append(": ");
  AppendWithoutControls(out, value);
  out.append("\r\n");
}

void AppendResponseHead(std::string& out, const Response& response, const ResponseHead& head) {
  if (response.status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
  } else {
    out.append("HTTP/1.1 ");
    AppendNumber(out, static_cast<size_t>(response.status));
    out.push_back(' ');
    out.append(ReasonPhrase(response.status));
    out.append("\r\n");
  }
  if (!head.date.empty()) {
    out.append("Date: ").append(head.date).append("\r\n");
  }
  if (!IsBodiless(response.status)) {
    if (response.content_type == "application/json") {
      out.append("Content-Type: application/json\r\n");
    } else if (!response.content_type.empty()) {
      AppendHeader(out, "Content-Type", response.content_type);
    }
    out.append("Content-Length: ");
    AppendNumber(out, response.body.size());
    out.append("\r\n");
  }
  if (!head.correlation_id.empty()) {
    out.append("X-Correlation-ID: ").append(head.correlation_id).append("\r\n");  // IsCorrelationId: no control
  }
  for (const auto& [name, value] : response.headers.all()) {
    if (!IsFraming(name)) {
      AppendHeader(out, name, value);
    }
  }
  if (head.close) {
    out.append("Connection: close\r\n");
  } else if (head.keep_alive) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

std::string FormatHttpDate(WallTime time) {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[std::chrono::weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

}  // namespace quantum::http
