#include "platform/http/client_request.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cctype>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/http/text.h"
#include "platform/http/wire.h"

namespace quantum::http {
namespace {

bool IsToken(std::string_view text) {
  static constexpr std::string_view kAllowed = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || kAllowed.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool HoldsControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

std::string Base64(std::string_view text) {
  std::string encoded((text.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  encoded.resize(static_cast<size_t>(length));
  return encoded;
}

}  // namespace

Result<std::string> SerializeRequest(const ClientRequest& request, const Url& url) {
  if (!IsToken(request.method)) {
    return Error{Errc::kInvalidArgument, "the HTTP method is not a token"};
  }
  std::string wire;
  wire.reserve(256 + request.body.size());
  wire.append(request.method).append(" ").append(url.target).append(" HTTP/1.1\r\n");
  AppendHeader(wire, "Host", request.headers.Find("Host").value_or(url.authority));
  for (const auto& [name, value] : request.headers.all()) {
    if (!IsToken(name) || HoldsControl(value)) {
      return Error{Errc::kInvalidArgument, "a request header's name or value holds characters that HTTP forbids"};
    }
    const bool ours = EqualIgnoringCase(name, "Host") || EqualIgnoringCase(name, "Content-Length") ||
                      EqualIgnoringCase(name, "Connection") || EqualIgnoringCase(name, "Transfer-Encoding");
    if (!ours) {
      AppendHeader(wire, name, value);
    }
  }
  if (!request.headers.Find("X-Correlation-ID")) {
    const std::string& current = CurrentCorrelationId();
    AppendHeader(wire, "X-Correlation-ID", current.empty() ? NewUuid() : current);
  }
  if (!request.headers.Find("User-Agent")) {
    AppendHeader(wire, "User-Agent", "quantum-trader");
  }
  if (!url.user_info.empty() && !request.headers.Find("Authorization")) {
    AppendHeader(wire, "Authorization", "Basic " + Base64(url.user_info));
  }
  if (!request.body.empty() && !request.headers.Find("Content-Type")) {
    AppendHeader(wire, "Content-Type", "application/json");
  }
  if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD")) {
    AppendHeader(wire, "Content-Length", std::to_string(request.body.size()));
  }
  wire.append("\r\n").append(request.body);
  return wire;
}

}  // namespace quantum::http
