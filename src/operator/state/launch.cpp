#include "operator/state/launch.h"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace quantum::operate {

namespace json = boost::json;

Status SaveLaunch(const Layout& layout, const Launch& launch) {
  json::object object;
  object["overrides"] = json::value_from(launch.overrides);
  object["port_offset"] = launch.port_offset;
  object["environment"] = json::value_from(launch.environment);
  object["source_root"] = launch.source_root;
  object["asked"] = json::value_from(launch.asked);
  object["market"] = launch.market;
  return WriteFileAtomically(layout.LaunchFile(), json::serialize(object) + "\n", 0644);
}

Result<Launch> LoadLaunch(const Layout& layout) {
  QUANTUM_TRY(const std::string text, ReadFile(layout.LaunchFile()));
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) {
    return Error{Errc::kInternal, fmt::format("{} is damaged ({}); run `quantum up` to write it anew",
                                              layout.LaunchFile(), error.message())};
  }
  try {
    const json::object& object = value.as_object();
    // Missing in files of the first versions.
    const json::value* const asked = object.if_contains("asked");
    const json::value* const market = object.if_contains("market");
    return Launch{
        .overrides = json::value_to<std::vector<std::string>>(object.at("overrides")),
        .port_offset = json::value_to<int>(object.at("port_offset")),
        .environment = json::value_to<std::map<std::string, std::string>>(object.at("environment")),
        .source_root = json::value_to<std::string>(object.at("source_root")),
        .asked = asked != nullptr ? json::value_to<std::vector<std::string>>(*asked) : std::vector<std::string>(),
        .market = market != nullptr ? json::value_to<std::string>(*market) : std::string()};
  } catch (const std::exception& exception) {
    return Error{Errc::kInternal, fmt::format("{} is damaged ({}); run `quantum up` to write it anew",
                                              layout.LaunchFile(), exception.what())};
  }
}

Result<config::Manifest> LoadRunningManifest(const Layout& layout, const Launch& launch) {
  return config::Manifest::Load(layout.ManifestFile(), launch.overrides, launch.port_offset);
}

}  // namespace quantum::operate
