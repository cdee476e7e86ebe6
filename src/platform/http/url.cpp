#include "platform/http/url.h"

#include <fmt/format.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

#include "platform/http/text.h"

namespace quantum::http {
namespace {

Result<uint16_t> PortOf(boost::urls::url_view parsed, const std::string& scheme) {
  if (!parsed.has_port() || parsed.port().empty()) {
    return static_cast<uint16_t>(scheme == "https" || scheme == "wss" ? 443 : 80);
  }
  const auto text = parsed.port();
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    return Error{Errc::kInvalidArgument, "the URL's port is not in 1 to 65535"};
  }
  return port;
}

bool IsDefaultPort(const Url& url) { return url.port == (url.secure() ? 443 : 80); }

}  // namespace

std::string Url::Shown() const { return scheme + "://" + authority + target.substr(0, target.find('?')); }

Result<Url> ParseUrl(const std::string& text) {
  const auto result = boost::urls::parse_uri(text);
  if (!result) {
    return Error{Errc::kInvalidArgument, "not a URL (" + result.error().message() + "); write http://host:port/path"};
  }
  const boost::urls::url_view parsed = *result;
  Url url;
  for (const char c : parsed.scheme()) {
    url.scheme.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  if (url.scheme != "http" && url.scheme != "https" && url.scheme != "ws" && url.scheme != "wss") {
    return Error{Errc::kInvalidArgument, fmt::format("URL scheme '{}': only http, https, ws and wss", url.scheme)};
  }
  url.host = parsed.host_address();
  if (url.host.empty()) {
    return Error{Errc::kInvalidArgument, "the URL has no host"};
  }
  QUANTUM_TRY(url.port, PortOf(parsed, url.scheme));
  const bool brackets = url.host.find(':') != std::string::npos;
  url.authority = brackets ? "[" + url.host + "]" : url.host;
  if (!IsDefaultPort(url)) {
    url.authority += ":" + std::to_string(url.port);
  }
  const std::string target(parsed.encoded_target());
  if (!target.empty() && target.front() != '/' && target.front() != '?') {
    // Boost 1.81 takes "h:port/" for an empty port and a path without its slash.
    return Error{Errc::kInvalidArgument, "the URL's port is not a number"};
  }
  url.target = target.starts_with('/') ? target : "/" + target;
  if (parsed.has_userinfo()) {
    url.user_info = PercentDecode(std::string_view(parsed.encoded_userinfo().data(), parsed.encoded_userinfo().size()))
                        .value_or("");
  }
  return url;
}

std::string PoolKey(const Url& url) { return fmt::format("{}://{}:{}", url.scheme, url.host, url.port); }

}  // namespace quantum::http
