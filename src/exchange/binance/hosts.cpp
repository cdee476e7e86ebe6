#include "exchange/binance/hosts.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace quantum::binance {
namespace {

using config::Mode;

constexpr std::string_view kPaperUnit = "paper-exchange";

struct Address {
  int family = 0;
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  bool operator==(const Address&) const = default;
};

std::optional<Address> ParseAddress(const std::string& text) {
  for (const int family : {AF_INET, AF_INET6}) {
    Address address{.family = family};
    if (inet_pton(family, text.c_str(), address.bytes.data()) == 1) {
      return address;
    }
  }
  return std::nullopt;
}

// The host of scheme://host[:port] and nothing else around it; an IPv6 address without its brackets.
std::optional<std::string> HostIn(std::string_view url, std::string_view scheme) {
  if (!url.starts_with(scheme)) {
    return std::nullopt;
  }
  url.remove_prefix(scheme.size());
  const bool bracketed = url.starts_with('[');
  const size_t end = bracketed ? url.find(']') : url.find(':');
  if (bracketed && end == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view host = bracketed ? url.substr(1, end - 1) : url.substr(0, end);
  const std::string_view rest = end == std::string_view::npos ? "" : url.substr(bracketed ? end + 1 : end);
  const bool port = rest.size() > 1 && rest[0] == ':' &&
                    std::all_of(rest.begin() + 1, rest.end(), [](char c) { return c >= '0' && c <= '9'; });
  return rest.empty() || port ? std::optional<std::string>(host) : std::nullopt;
}

bool IsThisMachine(std::string_view url, std::string_view scheme, const std::vector<std::string>& machine) {
  const std::optional<std::string> host = HostIn(url, scheme);
  if (!host || *host == "localhost") {
    return host.has_value();
  }
  const std::optional<Address> address = ParseAddress(*host);
  if (!address) {
    return false;  // a name can lead anywhere
  }
  const bool loopback =
      address->family == AF_INET ? address->bytes[0] == 127 : address->bytes == ParseAddress("::1")->bytes;
  return loopback || std::any_of(machine.begin(), machine.end(),
                                 [&](const std::string& own) { return ParseAddress(own) == address; });
}

bool AllOf(std::string_view text, bool (*allowed)(char)) { return std::all_of(text.begin(), text.end(), allowed); }

bool IsAlphanumeric(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

bool LooksGenerated(std::string_view key) {
  return AllOf(key, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool LooksLikeBinance(std::string_view key) { return key.size() == 64 && AllOf(key, IsAlphanumeric); }

}  // namespace

Hosts HostsOf(Mode mode, int paper_port, std::string_view paper_host) {
  const std::string paper = "://" + std::string(paper_host) + ":" + std::to_string(paper_port);
  switch (mode) {
    case Mode::kPaper:
      return {"http" + paper, "ws" + paper};
    case Mode::kTestnet:
      return {"https://demo-fapi.binance.com", "wss://fstream.binancefuture.com"};
    case Mode::kLive:
      return {"https://fapi.binance.com", "wss://fstream.binance.com"};
  }
  AssertionFailed("every mode has its hosts", __FILE__, __LINE__);
}

Hosts HostsOf(const config::Manifest& manifest) {
  return manifest.mode() == Mode::kPaper
             ? HostsOf(Mode::kPaper, manifest.Port(kPaperUnit), config::InUrl(manifest.AddressOf(kPaperUnit)))
             : HostsOf(manifest.mode(), 0);
}

Status CheckHosts(Mode mode, const Hosts& hosts, const std::vector<std::string>& machine) {
  bool agree = false;
  if (mode == Mode::kPaper) {
    agree = IsThisMachine(hosts.rest, "http://", machine) && IsThisMachine(hosts.websocket, "ws://", machine);
  } else {
    const Hosts own = HostsOf(mode, 0);
    agree = hosts.rest == own.rest && hosts.websocket == own.websocket;
  }
  if (!agree) {
    return Error{Errc::kInvalidArgument, "hosts " + hosts.rest + " and " + hosts.websocket + " do not belong to mode " +
                                             std::string(config::ToString(mode)) +
                                             "; correct the mode or the hosts in the manifest"};
  }
  return {};
}

Status CheckCredentials(Mode mode, const Credentials& credentials) {
  const auto refuse = [&](const char* why) {
    return Error{Errc::kInvalidArgument, "the exchange credentials do not fit mode " +
                                             std::string(config::ToString(mode)) + ": " + why +
                                             " (secrets exchange-key and exchange-secret)"};
  };
  if (credentials.key.empty() || credentials.secret.empty()) {
    return refuse("key or secret is empty");
  }
  if (!AllOf(credentials.key, [](char c) { return c > ' ' && c < 127; })) {
    return refuse("the key holds blanks or unprintable characters");
  }
  if (mode == Mode::kPaper) {
    if (LooksLikeBinance(credentials.key) && !LooksGenerated(credentials.key)) {
      return refuse("the key looks like one of Binance's mainnet, which has no business here");
    }
    return {};
  }
  if (!LooksLikeBinance(credentials.key)) {
    return refuse("a key of Binance has 64 letters and digits");
  }
  if (mode == Mode::kLive && LooksGenerated(credentials.key)) {
    return refuse("the key looks generated for PAPER or of the testnet");
  }
  return {};
}

}  // namespace quantum::binance
