#include "operator/commands/unit_table.h"

#include <fmt/format.h>

#include "operator/table.h"

namespace quantum::operate {

std::string FormatAge(Duration age) {
  const auto seconds = std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(age).count());
  if (seconds < 120) {
    return fmt::format("{} s", seconds);
  }
  if (seconds < 2 * 3600) {
    return fmt::format("{} min", seconds / 60);
  }
  return seconds < 2 * 86400 ? fmt::format("{} h", seconds / 3600) : fmt::format("{} d", seconds / 86400);
}

std::string FormatUnits(const std::vector<UnitStatus>& units) {
  std::vector<std::vector<std::string>> rows;
  for (const UnitStatus& unit : units) {
    rows.push_back({unit.name, std::string(ToString(unit.state)), unit.port == 0 ? "-" : std::to_string(unit.port),
                    FormatIso8601(unit.since)});
  }
  return FormatTable({"unit", "state", "port", "since"}, rows);
}

std::string MarketLabel(const std::string& source, const std::string& seed, const std::string& speed) {
  if (!source.starts_with("recording:")) {
    return fmt::format("{}, seed {}, speed {}", source, seed, speed);
  }
  std::string names;
  std::string_view rest = std::string_view(source).substr(sizeof("recording:") - 1);
  while (!rest.empty()) {
    const std::string_view path = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), path.size() + 1));
    names += names.empty() ? "" : " and ";
    names += path.substr(path.rfind('/') + 1);
  }
  return fmt::format("recording {}, speed {}", names, speed);
}

}  // namespace quantum::operate
