#include "platform/lifecycle/unit_url.h"

#include <fmt/format.h>

#include "platform/lifecycle/service.h"

namespace quantum::lifecycle {

std::string UrlOf(const config::Manifest& manifest, std::string_view unit, std::string_view path,
                  std::string_view scheme) {
  return fmt::format("{}://{}:{}{}", scheme, config::InUrl(manifest.AddressOf(unit)), manifest.Port(unit), path);
}

std::string Service::UrlOf(std::string_view unit, std::string_view path) const {
  return lifecycle::UrlOf(manifest(), unit, path);
}

}  // namespace quantum::lifecycle
