#include "services/execution/settings.h"

#include "trading/tradestore/state.h"

namespace quantum::execution {

using namespace std::chrono_literals;

Result<Settings> Settings::Read(const config::Manifest& manifest) {
  Settings settings;
  settings.mode = std::string(config::ToString(manifest.mode()));
  settings.symbols = manifest.symbols();
  settings.halt_file = manifest.state_directory() + "/run/halt.json";
  config::Section section = manifest.Service("execution");
  if (section.GetChoice("margin", "crossed", {"crossed", "isolated"}) == "isolated") {
    settings.margin_type = exchange::MarginType::kIsolated;
  }
  settings.reconcile_interval = section.GetDuration("reconcile_interval", settings.reconcile_interval, 1s, 10min);
  settings.receive_window = section.GetDuration("receive_window", settings.receive_window, 1s, 60s);
  settings.entry_ttl = section.GetDuration("entry_ttl", settings.entry_ttl, 1s, 24h);
  settings.unknown_alert_after = section.GetDuration("unknown_alert_after", settings.unknown_alert_after, 1s, 1h);
  settings.unprotected_alert_after =
      section.GetDuration("unprotected_alert_after", settings.unprotected_alert_after, 100ms, 60s);
  settings.unprotected_halt_after =
      section.GetDuration("unprotected_halt_after", settings.unprotected_halt_after, 1s, 60s);
  settings.protection.close_after = section.GetDuration("unprotected_close_after", 15s, 1s, 10min);
  settings.default_stop_percent = section.GetDouble("default_stop_percent", settings.default_stop_percent, 0.1, 50);
  settings.sends_max = static_cast<size_t>(section.GetInt("sends_max", 256, 1, 10'000));
  section.GetDuration("dual_write", tradestore::kDualWrite, 0s, tradestore::kDualWriteMax);  // for `tradestore finish`
  config::Section chaos = section.GetSection("chaos");
  settings.stop_before_entry = static_cast<int>(chaos.GetInt("stop_before_write", 0, 0, 1'000'000));
  if (settings.stop_before_entry != 0 && manifest.mode() != config::Mode::kPaper) {
    chaos.Complain("stop_before_write", "stops the process before an order: it is for PAPER only");
  }
  settings.at_risk = chaos.GetBool("at_risk", false);
  if (settings.at_risk && manifest.mode() != config::Mode::kPaper) {
    chaos.Complain("at_risk", "sends orders twice on purpose and is refused in any mode but PAPER: take it out");
  }
  QUANTUM_CHECK(section.Finish());
  return settings;
}

}  // namespace quantum::execution
