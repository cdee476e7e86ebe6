#include "exchange/binance/hosts.h"

#include <algorithm>
#include <cctype>

namespace quantum::binance {
namespace {

using config::Mode;

bool IsLoopback(std::string_view url, std::string_view scheme) {
  if (!url.starts_with(scheme)) {
    return false;
  }
  url.remove_prefix(scheme.size());
  for (const std::string_view host : {"127.0.0.1", "localhost", "[::1]"}) {
    if (url.starts_with(host)) {
      const std::string_view rest = url.substr(host.size());
      return rest.empty() || (rest[0] == ':' && rest.size() > 1 &&
                              std::all_of(rest.begin() + 1, rest.end(), [](char c) { return c >= '0' && c <= '9'; }));
    }
  }
  return false;
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

Status CheckHosts(Mode mode, const Hosts& hosts) {
  bool agree = false;
  if (mode == Mode::kPaper) {
    agree = IsLoopback(hosts.rest, "http://") && IsLoopback(hosts.websocket, "ws://");
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
