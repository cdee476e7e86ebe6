#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "platform/config/manifest.h"

// Which host belongs to which mode. PAPER, TESTNET and LIVE must never mix (pains.md 8): mode, hosts and credentials
// agree, or nothing is built.
namespace quantum::binance {

struct Hosts {
  std::string rest;       // "https://fapi.binance.com", without a slash at the end
  std::string websocket;  // "wss://fstream.binance.com"; /public, /market and /private follow
};

struct Credentials {
  std::string key;
  std::string secret;
};

// The mode's own hosts (developers.binance.com, "General Info" of USD-M futures); PAPER is the paper exchange's port on
// this machine. `paper_port` and `paper_host` (as in a URL: IPv6 in brackets) are used in PAPER only.
Hosts HostsOf(config::Mode mode, int paper_port, std::string_view paper_host = "127.0.0.1");
// Those of the manifest: in PAPER the unit paper-exchange, where `bind` puts it.
Hosts HostsOf(const config::Manifest& manifest);

// kInvalidArgument unless the hosts are those of the mode: PAPER only an address of this machine, without TLS (the
// loopback, or one of `machine`, see machine_addresses.h; a name but `localhost` is none), TESTNET and LIVE exactly
// their own.
Status CheckHosts(config::Mode mode, const Hosts& hosts, const std::vector<std::string>& machine);

// kInvalidArgument when key or secret are empty or cannot be the mode's. Binance's keys have 64 letters and digits; the
// mainnet's mix upper and lower case, while the keys this platform generates for PAPER (and some of the testnet's) are
// lower-case hexadecimal. So PAPER refuses what looks like a key of the mainnet, and LIVE what looks generated.
Status CheckCredentials(config::Mode mode, const Credentials& credentials);

}  // namespace quantum::binance
