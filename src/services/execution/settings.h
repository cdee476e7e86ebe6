#pragma once

#include <string>
#include <vector>

#include "exchange/venue.h"
#include "platform/config/manifest.h"
#include "services/execution/protection.h"

namespace quantum::execution {

// services.execution of the manifest.
struct Settings {
  std::string mode;  // PAPER, TESTNET, LIVE
  std::vector<std::string> symbols;
  std::string halt_file;  // <state>/run/halt.json
  exchange::MarginType margin_type = exchange::MarginType::kCrossed;
  Duration reconcile_interval = std::chrono::seconds(10);
  Duration receive_window = std::chrono::seconds(5);  // recvWindow that the connector signs with, at most
  Duration entry_ttl = std::chrono::seconds(60);      // an entry order that rests for longer is cancelled
  Duration unknown_alert_after =
      std::chrono::seconds(60);  // then the symbol takes no more entries until it is resolved
  Duration unprotected_alert_after = std::chrono::seconds(1);
  Duration unprotected_halt_after = std::chrono::seconds(5);
  ProtectionLimits protection;        // close_after: unprotected_close_after
  double default_stop_percent = 2.0;  // for a position that no decision explains
  size_t sends_max = 256;             // approvals being carried out at one time
  // chaos.stop_before_write, in PAPER only: the process stops itself (SIGSTOP) when it has signed its n-th entry and
  // before a byte of it is written. Zero: never.
  int stop_before_entry = 0;

  // chaos.at_risk, the negative control of `quantum chaos orders`, in PAPER only: execution as it must not be. Client
  // order ids are random, and what is sent is written down afterwards.
  bool at_risk = false;

  static Result<Settings> Read(const config::Manifest& manifest);
};

}  // namespace quantum::execution
