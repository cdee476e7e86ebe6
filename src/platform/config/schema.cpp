#include "platform/config/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

namespace quantum::config {
namespace {

bool IsNameCharacter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; }

// "desk.example", "192.168.1.5" or "[fd00::7]": what a Host header holds in front of its port.
bool IsHost(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) {
    return text.find_first_not_of("0123456789abcdef:", 1) == text.size() - 1;
  }
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), IsNameCharacter);
}

// "https://desk.example", "http://127.0.0.1:8088": what a browser sends as Origin.
bool IsOrigin(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (text.starts_with(scheme)) {
      text.remove_prefix(scheme.size());
      const size_t colon = text.rfind(':');
      const bool has_port = colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos;
      const std::string_view port = has_port ? text.substr(colon + 1) : "0";
      return IsHost(has_port ? text.substr(0, colon) : text) && !port.empty() && port.size() <= 5 &&
             port.find_first_not_of("0123456789") == std::string_view::npos;
    }
  }
  return false;
}

void CheckTexts(Section& section, std::string_view key, bool (*is_good)(std::string_view), std::string_view expected) {
  for (const std::string& text : section.GetStrings(key, {})) {
    if (!is_good(text)) {
      section.Complain(key, fmt::format("expected {}, found '{}'", expected, text));
    }
  }
}

void CheckLimits(Section limits) {
  CheckTexts(limits, "cors_origins", IsOrigin, "origins such as https://desk.example");
  CheckTexts(limits, "allowed_hosts", IsHost, "hosts in lower case without port, such as desk.example");
  CheckTexts(
      limits, "masked_keys", [](std::string_view text) { return !text.empty(); }, "names of fields");
}

// Keys with one value each, whose range their reader checks.
void CheckScalars(Section& section, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    section.GetString(key, "");
  }
}

void CheckServers(Section servers) {
  Section redis = servers.GetSection("redis");
  CheckScalars(redis, {"master_name", "command_timeout", "replicas_required"});
  redis.GetStrings("sentinels", {});
  Section postgres = servers.GetSection("postgres");
  CheckScalars(postgres,
               {"host", "port", "database", "user", "connections_max", "statement_timeout", "standbys_required"});
}

void CheckServices(Section services, const std::vector<Unit>& units) {
  for (const std::string& name : services.Keys()) {
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& each) { return each.name == name; });
    const bool has_options = !services.GetKeys(name).empty();
    if (units.empty()) {
      continue;  // a manifest of options alone, as tests of one service write it
    }
    if (unit == units.end()) {
      services.Complain(name, "there is no unit of this name");
    } else if (unit->kind != Unit::Kind::kService && has_options) {
      services.Complain(name, "is no service: nobody would read these options");
    }
  }
}

}  // namespace

void CheckSections(Section& root, const std::vector<Unit>& units) {
  CheckServices(root.GetSection("services"), units);
  Section market = root.GetSection("market");
  CheckScalars(market, {"source", "seed", "rate", "warmup", "speed"});
  root.GetStringMap("strategy");
  CheckServers(root.GetSection("servers"));
  CheckLimits(root.GetSection("limits"));
  Section backups = root.GetSection("backups");
  CheckScalars(backups, {"repository", "endpoint", "bucket", "region", "account", "container", "path", "path_style",
                         "ca_file", "key_exported"});
}

}  // namespace quantum::config
