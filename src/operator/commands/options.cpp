#include "operator/commands/options.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantum::operate {

Result<std::vector<std::string>> ToOverrides(const UpOptions& options) {
  std::vector<std::string> overrides;
  if (!options.market.empty()) {
    const bool known = options.market == "synthetic" ||
                       (options.market.starts_with("recording:") && options.market.size() > sizeof("recording:") - 1);
    if (!known) {
      return Error{Errc::kInvalidArgument,
                   fmt::format("--market {}: must be synthetic or recording:FILE[,FILE]", options.market)};
    }
    overrides.push_back("market.source=" + options.market);
  }
  if (!options.speed.empty()) {
    if (options.speed != "1" && options.speed != "10" && options.speed != "max") {
      return Error{Errc::kInvalidArgument, fmt::format("--speed {}: must be 1, 10 or max", options.speed)};
    }
    overrides.push_back("market.speed=" + options.speed);
  }
  if (!options.strategy.empty()) {
    overrides.push_back("strategy.name=" + options.strategy);
  }
  for (const std::string& each : options.set) {
    const size_t equals = each.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Error{Errc::kInvalidArgument, fmt::format("--set {}: must be key.of.the.manifest=value", each)};
    }
    overrides.push_back(each);
  }
  return overrides;
}

std::string JoinMarkets(const std::vector<std::string>& markets) {
  constexpr std::string_view kRecording = "recording:";
  std::string joined;
  for (const std::string& market : markets) {
    std::string_view text = market;
    if (!joined.empty() && text.starts_with(kRecording)) {
      text.remove_prefix(kRecording.size());
    }
    joined += (joined.empty() ? "" : ",") + std::string(text);
  }
  return joined;
}

Result<std::vector<std::string>> Differences(const UpOptions& options, const std::string& market, int port_offset,
                                             const Launch& launch, const config::Manifest& running) {
  std::vector<std::string> differences;
  const auto compare = [&](const std::string& option, const std::string& wanted, const std::string& value) {
    if (wanted != value) {
      differences.push_back(fmt::format("{} (it runs with {})", option, value.empty() ? "its default" : value));
    }
  };
  if (port_offset != 0) {
    compare(fmt::format("--port-offset {}", port_offset), std::to_string(port_offset),
            std::to_string(launch.port_offset));
  }
  if (!options.market.empty()) {
    compare("--market " + options.market, market,
            launch.market.empty() ? running.ValueAt("market.source") : launch.market);
  }
  UpOptions others = options;
  others.market.clear();
  QUANTUM_TRY(const std::vector<std::string> overrides, ToOverrides(others));
  std::vector<std::string> all = launch.overrides;
  all.insert(all.end(), overrides.begin(), overrides.end());
  QUANTUM_TRY(const config::Manifest wanted, config::Manifest::Load(running.path(), all, launch.port_offset));
  for (const std::string& override : overrides) {
    if (std::find(launch.asked.begin(), launch.asked.end(), override) != launch.asked.end()) {
      continue;  // what became of it (the gateway's own origins are added to the allowed ones) is no difference
    }
    const std::string key = override.substr(0, override.find('='));
    const std::string option = key == "market.speed"    ? "--speed " + options.speed
                               : key == "strategy.name" ? "--strategy " + options.strategy
                                                        : "--set " + override;
    compare(option, wanted.ValueAt(key), running.ValueAt(key));
  }
  return differences;
}

}  // namespace quantum::operate
