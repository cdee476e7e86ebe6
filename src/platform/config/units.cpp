#include "platform/config/units.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "platform/config/scalars.h"

namespace quantum::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr uint64_t kMemoryMin = uint64_t{16} << 20;
constexpr uint64_t kMemoryMax = uint64_t{1} << 42;
constexpr seconds kIntervalMin(1);
constexpr hours kIntervalMax(30 * 24);

bool AsksPort(const Probe& probe) { return probe.kind != Probe::Kind::kNone && probe.kind != Probe::Kind::kExec; }

void RequireTrue(Section& section, std::string_view key) {
  if (!section.GetBool(key, true)) {
    section.Complain(key, "expected true");
  }
}

Probe ReadProbe(Section& unit, std::string_view key) {
  Probe probe;
  Section section = unit.GetSection(key);
  if (!unit.Has(key)) {
    return probe;
  }
  const int kinds =
      section.Has("http") + section.Has("tcp") + section.Has("exec") + section.Has("redis") + section.Has("postgres");
  if (kinds != 1) {
    section.Complain("", "expected one of http, tcp, exec, redis and postgres");
    return probe;
  }
  if (section.Has("http")) {
    probe.kind = Probe::Kind::kHttp;
    probe.target = section.GetString("http", "");
    if (!probe.target.starts_with('/')) {
      section.Complain("http", "expected a path that begins with '/'");
    }
  } else if (section.Has("tcp")) {
    probe.kind = Probe::Kind::kTcp;
    RequireTrue(section, "tcp");
  } else if (section.Has("redis")) {
    probe.kind = Probe::Kind::kRedis;
    probe.target = section.GetChoice("redis", "ping", {"ping", "any"});
    probe.user = section.GetString("user", "");
    probe.secret = section.GetString("secret", "");
  } else if (section.Has("postgres")) {
    probe.kind = Probe::Kind::kPostgres;
    RequireTrue(section, "postgres");
  } else {
    probe.kind = Probe::Kind::kExec;
    const std::vector<std::string> command = section.GetWords("exec");
    if (command.empty()) {
      section.Complain("exec", "expected a program and its arguments");
    } else {
      probe.target = command.front();
      probe.arguments.assign(command.begin() + 1, command.end());
    }
  }
  probe.port = section.GetString("port", "");
  probe.interval = section.GetDuration("interval", probe.interval, milliseconds(10), hours(1));
  probe.timeout = section.GetDuration("timeout", probe.timeout, milliseconds(10), minutes(5));
  probe.failures_max = static_cast<int>(section.GetInt("failures_max", probe.failures_max, 1, 100));
  return probe;
}

Unit::Kind ReadKind(Section& section) {
  const std::string kind = section.GetChoice("kind", "server", {"server", "service", "task"});
  return kind == "task" ? Unit::Kind::kTask : kind == "service" ? Unit::Kind::kService : Unit::Kind::kServer;
}

int ReadSignal(Section& section) {
  static const std::map<std::string, int> kSignals = {{"TERM", SIGTERM}, {"INT", SIGINT}, {"QUIT", SIGQUIT}};
  return kSignals.at(section.GetChoice("stop_signal", "TERM", {"TERM", "INT", "QUIT"}));
}

std::map<std::string, int> ReadPorts(Section& unit) {
  std::map<std::string, int> ports;
  Section section = unit.GetSection("ports");
  for (const std::string& name : section.Keys()) {
    if (name.empty() || !std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::islower(c); })) {
      section.Complain(name, "a port's name is made of a-z");
    }
    ports[name] = static_cast<int>(section.GetInt(name, 0, 1, 65535));
  }
  return ports;
}

bool IsUnitName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Limits ReadLimits(Section& unit, Unit::Kind kind) {
  Limits limits;
  Section section = unit.GetSection("limits");
  limits.memory_bytes = section.GetBytes("memory", 0, kMemoryMin, kMemoryMax);
  limits.open_files = section.GetInt("open_files", 0, 64, 1'048'576);
  limits.cpu = section.GetDuration("cpu", {}, seconds(1), hours(24));
  if (section.Has("cpu") && kind != Unit::Kind::kTask) {
    section.Complain("cpu", "is for tasks: it counts since the start, and would end a server that has worked for long");
  }
  return limits;
}

// "02:30" as minutes since midnight.
std::optional<minutes> ReadTimeOfDay(std::string_view text) {
  const auto digits = [&](size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  const auto is_digit = [&](size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !is_digit(0) || !is_digit(1) || !is_digit(3) || !is_digit(4) ||
      digits(0) > 23 || digits(3) > 59) {
    return std::nullopt;
  }
  return minutes(digits(0) * 60 + digits(3));
}

Schedule ReadSchedule(Section& unit, Unit::Kind kind) {
  const std::string all = unit.GetString("schedule", "");
  if (!unit.Has("schedule")) {
    return {};
  }
  std::istringstream stream(all);
  const std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
  Schedule schedule;
  if (kind != Unit::Kind::kTask) {
    unit.Complain("schedule", "is for tasks: anything else runs all the time");
  } else if (words.size() == 3 && words[0] == "daily" && words[2] == "UTC" && ReadTimeOfDay(words[1])) {
    schedule = {.kind = Schedule::Kind::kDaily, .time_of_day = *ReadTimeOfDay(words[1]), .text = all};
  } else if (const auto interval = words.size() == 2 ? ParseDuration(words[1]) : Error{};
             interval.ok() && words[0] == "every" && *interval >= kIntervalMin && *interval <= kIntervalMax) {
    schedule = {.kind = Schedule::Kind::kEvery, .interval = *interval, .text = all};
  } else {
    unit.Complain("schedule", fmt::format("expected 'daily 02:30 UTC' or 'every 6h' (1s to 30d), found '{}'", all));
  }
  return schedule;
}

void CheckProbePort(Section& section, const Unit& unit, const Probe& probe) {
  if (!probe.port.empty() && !unit.ports.contains(probe.port)) {
    section.Complain("ports", fmt::format("has no port '{}', which a probe asks", probe.port));
  } else if (AsksPort(probe) && probe.port.empty() && unit.port == 0) {
    section.Complain("", "a probe of this kind needs the unit's port");
  }
}

Unit ReadUnit(Section& section, const std::string& name) {
  Unit unit;
  unit.name = name;
  unit.line = section.line();
  unit.kind = ReadKind(section);
  unit.command = section.GetWords("command");
  if (unit.command.empty()) {
    section.Complain("command", "expected a program and its arguments");
  }
  unit.environment = section.GetStringMap("environment");
  unit.user = section.GetString("user", "");
  unit.port = static_cast<int>(section.GetInt("port", 0, 1, 65535));
  unit.fallback_port = static_cast<int>(section.GetInt("fallback_port", 0, 1, 65535));
  unit.ports = ReadPorts(section);
  unit.pid_file = section.GetString("pid_file", "");
  unit.depends = section.GetStrings("depends", {});
  unit.ready = ReadProbe(section, "ready");
  unit.live = ReadProbe(section, "live");
  CheckProbePort(section, unit, unit.ready);
  CheckProbePort(section, unit, unit.live);
  unit.start_deadline = section.GetDuration("start_deadline", unit.start_deadline, milliseconds(100), hours(1));
  unit.stop_deadline = section.GetDuration("stop_deadline", unit.stop_deadline, milliseconds(100), hours(1));
  unit.stop_signal = ReadSignal(section);
  unit.restarts_max = static_cast<int>(section.GetInt("restarts_max", unit.restarts_max, 0, 1000));
  unit.restart_window = section.GetDuration("restart_window", unit.restart_window, seconds(1), hours(24));
  unit.restart_delay = section.GetDuration("restart_delay", unit.restart_delay, seconds(0), hours(1));
  unit.restart_delay_max =
      section.GetDuration("restart_delay_max", unit.restart_delay_max, milliseconds(500), seconds(8));
  unit.retry_interval = section.GetDuration("retry_interval", unit.retry_interval, seconds(0), hours(24));
  unit.halts_entries = section.GetBool("halts_entries", false);
  unit.limits = ReadLimits(section, unit.kind);
  unit.schedule = ReadSchedule(section, unit.kind);
  return unit;
}

// Follows the dependencies of one unit; a unit met again on the way closes a cycle, which is told as "a -> b -> a".
class CycleFinder {
 public:
  explicit CycleFinder(const std::vector<Unit>& units) {
    for (const Unit& unit : units) {
      units_[unit.name] = &unit;
    }
  }

  std::string Find(const std::string& name) {
    const auto on_way = std::find(way_.begin(), way_.end(), name);
    if (on_way != way_.end()) {
      return fmt::format("{} -> {}", fmt::join(on_way, way_.end(), " -> "), name);
    }
    if (!done_.insert(name).second) {
      return {};
    }
    way_.push_back(name);
    for (const std::string& next : units_.at(name)->depends) {
      if (units_.contains(next)) {
        if (std::string cycle = Find(next); !cycle.empty()) {
          return cycle;
        }
      }
    }
    way_.pop_back();
    return {};
  }

 private:
  std::map<std::string, const Unit*> units_;
  std::vector<std::string> way_;
  std::set<std::string> done_;
};

}  // namespace

std::vector<Unit> ReadUnits(Section& units) {
  std::vector<Unit> list;
  std::set<std::string> names;
  std::set<std::string> scheduled;
  for (const std::string& name : units.Keys()) {
    if (!IsUnitName(name)) {
      units.Complain(name, "a unit's name is made of a-z, 0-9 and '-'");
    }
    Section section = units.GetSection(name);
    list.push_back(ReadUnit(section, name));
    names.insert(name);
    if (list.back().schedule.set()) {
      scheduled.insert(name);
    }
  }
  CycleFinder finder(list);
  for (const Unit& unit : list) {
    for (const std::string& dependency : unit.depends) {
      if (!names.contains(dependency)) {
        units.Complain(unit.name, fmt::format("depends on '{}', which is no unit", dependency));
      } else if (scheduled.contains(dependency)) {
        units.Complain(unit.name, fmt::format("depends on '{}', which runs by its schedule alone", dependency));
      }
    }
    if (const std::string cycle = finder.Find(unit.name); !cycle.empty()) {
      units.Complain(unit.name, fmt::format("the dependencies form a cycle: {}", cycle));
      break;
    }
  }
  return list;
}

PortRange EphemeralPorts() {
  PortRange range;
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  int first = 0;
  int last = 0;
  if (file >> first >> last) {
    range = {first, last};
  }
  return range;
}

void CheckPorts(Section& units, const std::vector<Unit>& list, int offset, PortRange ephemeral) {
  std::map<int, std::string> holders;
  for (const Unit& unit : list) {
    std::set<int> bases{unit.port, unit.fallback_port};
    for (const auto& [name, base] : unit.ports) {
      if (!bases.insert(base).second) {
        units.Complain(unit.name, fmt::format("port {} stands there twice", base));
      }
    }
    bases.erase(0);
    for (const int base : bases) {
      const int port = base + offset;
      if (const auto [holder, fresh] = holders.emplace(base, unit.name); !fresh && holder->second != unit.name) {
        units.Complain(unit.name, fmt::format("port {} is the port of {} already", base, holder->second));
      }
      if (port < 1 || port > 65535) {
        units.Complain(unit.name, fmt::format("port {} with the offset {} is {}: choose an offset that keeps it in "
                                              "1..65535",
                                              base, offset, port));
      }
      if (offset != 0 && port >= ephemeral.first && port <= ephemeral.last) {
        units.Complain(unit.name, fmt::format("port {} with the offset {} is {}, which the kernel gives to outgoing "
                                              "connections ({}..{}): choose another offset",
                                              base, offset, port, ephemeral.first, ephemeral.last));
      }
    }
  }
}

}  // namespace quantum::config
