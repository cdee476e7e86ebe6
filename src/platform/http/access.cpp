#include "platform/http/access.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

#include "platform/http/text.h"

namespace quantum::http {

std::string_view HostPart(std::string_view host) {
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    return end == std::string_view::npos ? host : host.substr(0, end + 1);
  }
  return host.substr(0, host.find(':'));
}

Access::Access(const ServerOptions& options)
    : hosts_(options.allowed_hosts), origins_(options.allowed_origins), exchange_protocol_(options.exchange_protocol) {
  // Without an operator nobody is trusted to write, a service neither.
  if (!options.operator_token.empty()) {
    operator_token_ = DigestOf(options.operator_token);
    if (!options.service_token.empty()) {
      service_token_ = DigestOf(options.service_token);
    }
  }
}

Auth Access::Required(std::string_view method, const RouteOptions& route) const {
  const bool reads = method == "GET" || method == "HEAD";
  return route.auth == Auth::kOpen && !reads && !route.exchange ? Auth::kToken : route.auth;
}

std::optional<Response> Access::Refuse(const Request& request, const RouteOptions& route) const {
  if (route.auth == Auth::kOpen) {
    return std::nullopt;
  }
  if (!route.exchange) {
    if (!HostAllowed(request.headers.Find("Host").value_or(""))) {
      return Problem(403, "HOST_NOT_ALLOWED", "the Host of this request is not one this service answers to");
    }
    if (const auto origin = request.headers.Find("Origin"); origin && !OriginAllowed(*origin)) {
      return Problem(403, "ORIGIN_NOT_ALLOWED", "pages of this Origin may not call this service");
    }
  }
  if (auto refused = RefuseToken(request, route.auth)) {
    return refused;
  }
  if (!route.exchange && request.method != "GET" && request.method != "HEAD") {
    const std::string_view type = request.headers.Find("Content-Type").value_or("");
    if (!EqualIgnoringCase(Trim(type.substr(0, type.find(';'))), "application/json")) {
      return Problem(415, "CONTENT_TYPE", "send Content-Type: application/json");
    }
  }
  return std::nullopt;
}

std::optional<Response> Access::RefuseWebSocket(const Request& request) const {
  const auto origin = request.headers.Find("Origin");
  if (exchange_protocol_ || !origin || OriginAllowed(*origin)) {
    return std::nullopt;
  }
  const std::string_view host = request.headers.Find("Host").value_or("");
  const bool own_page = *origin == "http://" + std::string(host) || *origin == "https://" + std::string(host);
  if (own_page && HostAllowed(host)) {
    return std::nullopt;
  }
  return Problem(403, "ORIGIN_NOT_ALLOWED", "pages of this Origin may not connect to this service");
}

std::optional<Response> Access::RefuseToken(const Request& request, Auth required) const {
  const auto refuse = [](std::string_view code, std::string_view detail) {
    Response response = Problem(401, code, detail);
    response.headers.Add("WWW-Authenticate", "Bearer");
    return response;
  };
  if (!operator_token_) {
    return refuse("TOKEN_NOT_CONFIGURED", "this server was started without an operator token and refuses every write");
  }
  static constexpr std::string_view kScheme = "Bearer ";
  const std::string_view value = request.headers.Find("Authorization").value_or("");
  if (value.size() <= kScheme.size() || !EqualIgnoringCase(value.substr(0, kScheme.size()), kScheme)) {
    return refuse("TOKEN_MISSING", "send Authorization: Bearer <token>");
  }
  const Digest given = DigestOf(Trim(value.substr(kScheme.size())));
  const auto equal = [&](const std::optional<Digest>& expected) {
    return expected && CRYPTO_memcmp(given.data(), expected->data(), given.size()) == 0;
  };
  const bool by_operator = equal(operator_token_);
  const bool by_service = equal(service_token_);
  if (by_operator || (by_service && required == Auth::kToken)) {
    return std::nullopt;
  }
  if (by_service) {
    return Problem(403, "OPERATOR_TOKEN_REQUIRED", "this is for the operator's token, not for a service's");
  }
  return refuse("TOKEN_INVALID", "the token is not the one this server was started with");
}

Access::Digest Access::DigestOf(std::string_view text) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

bool Access::HostAllowed(std::string_view host) const {
  const std::string_view name = HostPart(host);
  return std::any_of(hosts_.begin(), hosts_.end(),
                     [&](const auto& allowed) { return EqualIgnoringCase(name, allowed); });
}

bool Access::OriginAllowed(std::string_view origin) const {
  return std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
}

}  // namespace quantum::http
