#include "operator/commands/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "operator/commands/service_check.h"
#include "operator/state/disk.h"
#include "operator/state/environment.h"
#include "operator/state/ports.h"
#include "operator/state/recorded_symbols.h"
#include "operator/state/stage.h"
#include "operator/supervisor/leftovers.h"
#include "operator/supervisor/record.h"

namespace quantum::operate {

namespace fs = std::filesystem;

namespace {

// What the units may know of the caller's environment: the documented overrides. Secrets that it names are copied.
std::map<std::string, std::string> PassedOn() {
  std::map<std::string, std::string> passed;
  for (char** each = ::environ; *each != nullptr; ++each) {
    const std::string_view entry = *each;
    const size_t equals = entry.find('=');
    const std::string_view key = entry.substr(0, equals);
    if (equals != std::string_view::npos && (key == "REDIS_SENTINEL_HOSTS" || key == "REDIS_MASTER_NAME")) {
      passed[std::string(key)] = entry.substr(equals + 1);
    }
  }
  return passed;
}

// The manifest with its overrides, read again whenever one is added.
class Reading {
 public:
  Reading(std::string path, std::vector<std::string> overrides, int port_offset)
      : path_(std::move(path)), overrides_(std::move(overrides)), port_offset_(port_offset) {}

  Result<config::Manifest> Read() const { return config::Manifest::Load(path_, overrides_, port_offset_); }
  void Add(std::string override) { overrides_.push_back(std::move(override)); }
  const std::vector<std::string>& overrides() const { return overrides_; }

 private:
  std::string path_;
  std::vector<std::string> overrides_;
  int port_offset_;
};

// Ports that cannot be had are replaced where the manifest names another, and are an error elsewhere.
Status JudgePorts(const Layout& layout, const config::Manifest& manifest, Reading& reading, Plan& plan) {
  const int offset = manifest.port_offset();
  const std::map<int, Holder> listening = ListeningPorts();
  std::set<pid_t> ours;  // left behind by an earlier supervisor: found again, not strangers on our ports
  for (const UnitRecord& record : LivingRecords(layout.Records())) {
    const std::vector<pid_t> family = Descendants(record.process->pid);
    ours.insert(family.begin(), family.end());
  }
  for (const Leftover& leftover : Leftovers(layout, manifest)) {
    ours.insert(leftover.process.pid);
  }
  for (const config::Unit& unit : manifest.units()) {
    const PortChoice choice = ChoosePort(unit, offset, MayBindLowPorts(), listening, ours);
    if (choice.port != unit.port) {
      plan.notes.push_back(choice.note);
      reading.Add(fmt::format("units.{}.port={}", unit.name, choice.port));
    }
  }
  QUANTUM_TRY(const config::Manifest chosen, reading.Read());
  QUANTUM_CHECK(CheckPortsFree(chosen.units(), offset, listening, ours));
  QUANTUM_CHECK(CheckBindable(chosen.bind_address()));
  QUANTUM_CHECK(CheckOneNodeBefore(layout, chosen));
  return CheckRedisPorts(layout, chosen);
}

// Recordings are looked up where the caller stands, or where the manifest lies when it names them.
Status JudgeMarket(const config::Manifest& manifest, const UpOptions& options, Reading& reading, Plan& plan) {
  config::Section market = manifest.Top("market");
  const std::string source = market.GetString("source", "synthetic");
  QUANTUM_TRY(plan.launch.market,
              options.market.empty() ? FindRecordings(source, plan.source) : FindMarket(options.market));
  if (plan.launch.market != source) {
    reading.Add("market.source=" + plan.launch.market);
  }
  QUANTUM_TRY(const std::vector<std::string> recorded, RecordedSymbols(plan.launch.market, manifest.symbols()));
  if (recorded.size() < manifest.symbols().size()) {
    plan.notes.push_back(fmt::format("the recording holds {} alone: the other symbols of the manifest are left out",
                                     fmt::join(recorded, ", ")));
    reading.Add(fmt::format("symbols=[{}]", fmt::join(recorded, ", ")));
  }
  return {};
}

}  // namespace

Result<std::string> FindMarket(const std::string& market) { return FindRecordings(market, CallerDirectory()); }

Result<Plan> JudgeStart(const Context& context, const Layout& layout, const UpOptions& options) {
  QUANTUM_TRY(const std::vector<std::string> overrides, ToOverrides(options));
  Reading reading(context.ManifestPath(), overrides, context.port_offset);
  QUANTUM_TRY(config::Manifest manifest, reading.Read());
  Plan plan{.manifest = manifest,
            .launch = {.port_offset = context.port_offset, .environment = PassedOn()},
            .source = fs::path(context.ManifestPath()).parent_path().string()};
  plan.launch.source_root = plan.source;
  plan.launch.asked = overrides;
  QUANTUM_CHECK(JudgePorts(layout, manifest, reading, plan));
  QUANTUM_CHECK(JudgeMarket(manifest, options, reading, plan));
  QUANTUM_TRY(manifest, reading.Read());
  if (manifest.FindUnit("gateway") != nullptr) {
    reading.Add(OriginsOverride(manifest));
  }
  QUANTUM_TRY(plan.manifest, reading.Read());
  plan.launch.overrides = reading.overrides();
  std::error_code error;
  const std::string programs = fs::read_symlink("/proc/self/exe", error).parent_path().string();
  QUANTUM_CHECK(
      CheckRoom(layout, BytesToStart(layout, plan.manifest, programs, plan.launch.market), FreeBytes(layout.root)));
  QUANTUM_CHECK(CheckServices(plan.manifest, plan.launch));
  return plan;
}

}  // namespace quantum::operate
