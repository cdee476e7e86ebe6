#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "platform/http/message.h"
#include "platform/http/server.h"

// Who may call what: bearer tokens, and the rules that keep a browser's foreign pages out (a browser can reach
// loopback). Pure.
namespace quantum::http {

class Access {
 public:
  explicit Access(const ServerOptions& options);

  // What a route asks for. A write that was declared open asks for a token all the same: forgetting the option must
  // not open a hole. (The exchange's endpoints sign their requests instead.)
  Auth Required(std::string_view method, const RouteOptions& route) const;

  // The problem that refuses the request, or nothing. For kOpen there is nothing to ask.
  std::optional<Response> Refuse(const Request& request, const RouteOptions& route) const;

  // A WebSocket handshake is a GET that a foreign page can send: its Origin must be allowed or that of the page itself.
  std::optional<Response> RefuseWebSocket(const Request& request) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest DigestOf(std::string_view text);
  bool HostAllowed(std::string_view host) const;
  bool OriginAllowed(std::string_view origin) const;
  std::optional<Response> RefuseToken(const Request& request, Auth required) const;

  // Digests have one length, so that a comparison in constant time does not tell the length of the token either.
  std::optional<Digest> operator_token_;
  std::optional<Digest> service_token_;
  std::vector<std::string> hosts_;
  std::vector<std::string> origins_;
  bool exchange_protocol_;
};

// The host part of a Host header, without the port: "[::1]:8001" is "[::1]".
std::string_view HostPart(std::string_view host);

}  // namespace quantum::http
