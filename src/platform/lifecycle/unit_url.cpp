#include "platform/lifecycle/unit_url.h"

#include <fmt/format.h>

#include "platform/lifecycle/service.h"

namespace quantum::lifecycle {

std::string UrlOf(const config::Manifest& manifest, std::string_view unit, std::string_view path,
                  std::string_view scheme) {
  return fmt::format("{}://{}:{}{}", scheme, config::InUrl(manifest.AddressOf(unit)), manifest.Port(unit), path);
}

std::map<std::string, std::string> StandbysOf(const config::Manifest& manifest) {
  std::map<std::string, std::string> standbys;
  for (const config::Unit& unit : manifest.units()) {
    const std::string standby = unit.name + "-standby";
    if (manifest.FindUnit(standby) != nullptr) {
      standbys[UrlOf(manifest, unit.name, "")] = UrlOf(manifest, standby, "");
    }
  }
  return standbys;
}

std::string Service::UrlOf(std::string_view unit, std::string_view path) const {
  return lifecycle::UrlOf(manifest(), unit, path);
}

}  // namespace quantum::lifecycle
