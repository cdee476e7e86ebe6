#include "operator/chaos/postgres/platform.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "operator/chaos/child.h"
#include "operator/chaos/wait.h"
#include "operator/process/process.h"
#include "operator/state/disk.h"
#include "operator/state/environment.h"
#include "operator/supervisor/leftovers.h"
#include "operator/supervisor/local_fleet.h"
#include "operator/supervisor/record.h"
#include "platform/config/secrets.h"
#include "platform/http/client.h"

namespace quantum::operate::chaos {

namespace fs = std::filesystem;

namespace {

using namespace std::chrono_literals;

constexpr int kRestartsMax = 1000;  // the run kills more often than a unit is otherwise brought back
constexpr size_t kDiskMegabytes = 2048;
constexpr Duration kPromotionMax = 60s;
constexpr Duration kStartMax = 120s;
constexpr int kWords = 15;
constexpr gid_t kFirstCutGroup = 61'000;  // beyond those of people and of systems

void AddWithDependencies(const YAML::Node& units, const std::string& name, std::set<std::string>& all) {
  if (!all.insert(name).second) {
    return;
  }
  for (const YAML::Node& each : units[name]["depends"]) {
    AddWithDependencies(units, each.as<std::string>(), all);
  }
}

std::string CommandLine(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

// By the account's own group the sockets of a unit that can be cut off are told from others'.
std::string CutAccount(const std::string& unit) { return std::string(kServiceUser) + "-" + unit; }

void SignalAll(const std::vector<pid_t>& pids, int signal) {
  for (const pid_t pid : pids) {
    ::kill(pid, signal);
  }
}

// Stopped first: what lives longest would start what was killed first anew.
Status KillAll(const std::vector<pid_t>& pids, const std::string& what) {
  if (pids.empty()) {
    return Error{Errc::kInternal, what + " does not run"};
  }
  SignalAll(pids, SIGSTOP);
  SignalAll(pids, SIGKILL);
  return {};
}

Error FromErrno(const std::string& what) { return {Errc::kUnavailable, what + ": " + std::strerror(errno)}; }

// A copy of the file with more lines, in the folder, lies over it: for our own machine alone.
Status Extend(const fs::path& file, const fs::path& folder, const std::string& lines) {
  const fs::path copy = folder / file.filename();
  std::error_code error;
  fs::copy_file(file, copy, error);
  std::ofstream out(copy, std::ios::app);
  out << lines;
  out.close();
  return !error && out && ::chmod(copy.c_str(), 0644) == 0 &&
                 ::mount(copy.c_str(), file.c_str(), nullptr, MS_BIND, nullptr) == 0
             ? Status()
             : Status(FromErrno("laying more lines over " + file.string()));
}

}  // namespace

void TakeDown(const std::string& folder) {
  const Layout layout{.root = folder + "/state"};
  if (!LivingRecords(layout.Records()).empty()) {
    static_cast<void>(RunCommand({layout.Bin() + "/quantum", "down", "--state", layout.root}));
  }
}

Result<std::unique_ptr<Platform>> Platform::Start(fiber::Loop& loop, Options options) {
  std::unique_ptr<Platform> platform(new Platform(loop, std::move(options)));
  QUANTUM_CHECK(platform->WriteManifest());
  QUANTUM_CHECK(platform->MountDisks());
  QUANTUM_CHECK(platform->MakeAccounts());
  QUANTUM_CHECK(platform->Up());
  QUANTUM_CHECK(platform->AwaitHealthy(kStartMax));
  return platform;
}

Platform::~Platform() {
  if (!options_.apart.own_machine) {
    TakeDown(options_.folder);
  }
}

Status Platform::WriteManifest() const {
  const fs::path from(options_.manifest);
  const fs::path folder(options_.folder);
  std::error_code error;
  fs::permissions(folder, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec, error);
  fs::create_directories(folder / "infra", error);
  for (const std::string& each : options_.infra) {
    fs::copy(from.parent_path() / "infra" / each, folder / "infra" / each, fs::copy_options::recursive, error);
    if (error) {
      return Error{Errc::kInternal, fmt::format("copying infra/{} to {}: {}", each, folder.string(), error.message())};
    }
  }
  try {
    YAML::Node manifest = YAML::LoadFile(from.string());
    std::set<std::string> wanted;
    for (const std::string& unit : options_.wanted) {
      AddWithDependencies(manifest["units"], unit, wanted);
    }
    YAML::Node units;
    for (const auto& unit : manifest["units"]) {  // in their order
      if (wanted.contains(unit.first.as<std::string>())) {
        units[unit.first] = YAML::Clone(unit.second);
        if (unit.second["kind"].as<std::string>() != "task") {
          units[unit.first]["restarts_max"] = kRestartsMax;
        }
      }
    }
    for (const std::string& each : options_.apart.own_machine ? options_.to_cut : std::vector<std::string>()) {
      units[each]["user"] = CutAccount(each);
    }
    manifest["units"] = units;
    std::ofstream file(folder / "quantum.yml");
    file << YAML::Dump(manifest) << "\n";
    file.close();
    return file ? Status() : Status(FromErrno("writing the manifest of the run"));
  } catch (const YAML::Exception& exception) {
    return Error{Errc::kInvalidArgument, fmt::format("{}: {}", options_.manifest, exception.what())};
  }
}

// Each node gets a disk of its own, in memory, that can be filled.
Status Platform::MountDisks() const {
  for (size_t node = 0; options_.apart.own_machine && options_.own_disks && node < kNodes; ++node) {
    const std::string folder = fmt::format("{}/state/data/postgres-{}", options_.folder, node + 1);
    std::error_code error;
    fs::create_directories(folder, error);
    if (error || ::mount("none", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV,
                         fmt::format("size={}m,mode=700", kDiskMegabytes).c_str()) != 0) {
      return FromErrno("mounting a disk in memory on " + folder);
    }
  }
  return {};
}

// Each unit to cut gets an account that is the services' own but for its first group, on our own machine alone.
Status Platform::MakeAccounts() const {
  if (!options_.apart.own_machine || options_.to_cut.empty()) {
    return {};
  }
  QUANTUM_TRY(const Account service, EnsureSystemUser(kServiceUser));
  std::vector<std::string> names;
  std::string accounts;
  for (size_t i = 0; i < options_.to_cut.size(); ++i) {
    names.push_back(CutAccount(options_.to_cut[i]));
    accounts +=
        fmt::format("{}:x:{}:{}::/nonexistent:/usr/sbin/nologin\n", names.back(), service.uid, kFirstCutGroup + i);
  }
  QUANTUM_CHECK(Extend("/etc/passwd", options_.folder, accounts));
  return Extend("/etc/group", options_.folder,
                fmt::format("{}-cut:x:{}:{}\n", kServiceUser, service.gid, fmt::join(names, ",")));
}

std::vector<std::string> Platform::Command(std::vector<std::string> arguments) const {
  std::vector<std::string> command{options_.program};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.insert(command.end(),
                 {"--state", options_.folder + "/state", "--manifest", options_.folder + "/quantum.yml"});
  if (!options_.apart.own_machine) {
    // Beside a platform that may run on this machine.
    command.insert(command.end(), {"--port-offset", std::to_string(20'000 + ::getpid() % 200 * 100)});
  }
  return command;
}

Status Platform::Up() {
  std::vector<std::string> up{"up"};
  for (const std::string& each : options_.overrides) {
    up.insert(up.end(), {"--set", each});
  }
  QUANTUM_CHECK(RunCommand(Command(std::move(up))));
  QUANTUM_TRY(Launch launch, LoadLaunch(layout()));
  QUANTUM_TRY(config::Manifest manifest, LoadRunningManifest(layout(), launch));
  running_ = Running{layout(), std::move(launch), std::move(manifest)};
  QUANTUM_TRY(access_, FindPostgres(*running_));
  if (running_->manifest.FindUnit("redis-1") != nullptr) {
    QUANTUM_TRY(redis_, FindRedis(*running_));
  }
  QUANTUM_TRY(service_password_, config::ReadSecret(layout().Secrets(), config::kPostgresService));
  QUANTUM_TRY(owner_password_, config::ReadSecret(layout().Secrets(), config::kPostgresOwner));
  return access_.nodes.size() == kNodes
             ? Status()
             : Error{Errc::kInvalidArgument, fmt::format("{} has {} nodes of Postgres, and the run breaks {}",
                                                         options_.manifest, access_.nodes.size(), kNodes)};
}

postgres::PoolOptions Platform::ServiceOptions() const {
  postgres::PoolOptions options;
  options.port = manifest().Port("pgbouncer");
  options.password = service_password_;
  return options;
}

postgres::PoolOptions Platform::OwnerOptions() const {
  postgres::PoolOptions options;
  options.port = manifest().Port("haproxy");
  options.user = "quantum_owner";
  options.password = owner_password_;
  options.connections_max = 1;
  return options;
}

postgres::PoolOptions Platform::NodeOptions(size_t node) const {
  postgres::PoolOptions options = OwnerOptions();
  options.port = manifest().Port(NameOf(node));
  return options;
}

ClusterReport Platform::Look() const { return ReadCluster(loop_, access_); }

// The standby says it is synchronous once etcd knows, a second after commits wait for it.
bool Platform::Healthy() const {
  const ClusterReport report = Look();
  if (!report.primary || !report.synchronous) {
    return false;
  }
  http::Client client(loop_, {.attempts_max = 1});
  const auto answer = client.Send(
      {.url = access_.nodes.at(*report.synchronous).url + "/synchronous", .timeout = 2s, .idempotent = true});
  return answer.ok() && answer->status == 200;
}

Result<size_t> Platform::AwaitPrimary() const {
  std::optional<size_t> primary;
  return Eventually(kPromotionMax, [&] { return (primary = Look().primary).has_value(); })
             ? Result<size_t>(*primary)
             : Error{Errc::kTimeout, "there is no primary:\n" + LastWords()};
}

Result<size_t> Platform::AwaitOtherPrimary(size_t than) const {
  const size_t other = kNodes - 1 - than;
  return Eventually(kPromotionMax, [&] { return Look().nodes.at(other).primary; })
             ? Result<size_t>(other)
             : Error{Errc::kTimeout, fmt::format("{} does not become the primary:\n{}", NameOf(other), LastWords())};
}

Status Platform::AwaitHealthy(Duration limit) const {
  return Eventually(limit, [&] { return Healthy(); })
             ? Status()
             : Error{Errc::kTimeout, "no primary with a synchronous standby:\n" + LastWords()};
}

Status Platform::SwitchOver() const {
  const auto changed = ChangePrimary(loop_, access_, true);
  return changed.ok() ? Status() : Status(changed.error());
}

Status Platform::Configure(size_t node, const std::string& json) const {
  return PatchConfiguration(loop_, access_, node, json);
}

std::optional<pid_t> Platform::ProcessOf(const std::string& unit) const {
  for (const UnitRecord& record : LivingRecords(layout().Records())) {
    if (record.status.name == unit && record.process) {
      return record.process->pid;
    }
  }
  return std::nullopt;
}

std::vector<pid_t> Platform::Patroni(size_t node) const {
  const auto pid = ProcessOf(NameOf(node));
  return pid ? Descendants(*pid) : std::vector<pid_t>();
}

std::vector<pid_t> Platform::Servers(size_t node) const {
  for (const Leftover& postmaster : Leftovers(layout(), manifest())) {
    if (postmaster.unit == NameOf(node)) {
      return Descendants(postmaster.process.pid);
    }
  }
  return {};
}

Status Platform::KillPostgres(size_t node) { return KillAll(Servers(node), "Postgres of " + NameOf(node)); }

Status Platform::KillNode(size_t node) {
  std::vector<pid_t> all = Patroni(node);
  const std::vector<pid_t> servers = Servers(node);
  all.insert(all.end(), servers.begin(), servers.end());
  return KillAll(all, NameOf(node));
}

Status Platform::Freeze(size_t node) {
  std::vector<pid_t> all = Patroni(node);
  const std::vector<pid_t> servers = Servers(node);
  all.insert(all.end(), servers.begin(), servers.end());
  SignalAll(all, SIGSTOP);
  return all.size() > 1 ? Status() : Error{Errc::kInternal, NameOf(node) + " does not run"};
}

Status Platform::Thaw(size_t node) {
  for (const auto& pids : {Servers(node), Patroni(node)}) {
    SignalAll(pids, SIGCONT);
  }
  return {};
}

Status Platform::SignalReceiver(size_t node, int signal) {
  for (const pid_t pid : Servers(node)) {
    if (CommandLine(pid).find("walreceiver") != std::string::npos) {
      ::kill(pid, signal);
      return {};
    }
  }
  return Error{Errc::kInternal, NameOf(node) + " receives no log"};
}

Status Platform::KillUnit(const std::string& unit) {
  const auto pid = ProcessOf(unit);
  return KillAll(pid ? Descendants(*pid) : std::vector<pid_t>(), unit);
}

Status Platform::SignalUnit(const std::string& unit, int signal) {
  const auto pid = ProcessOf(unit);
  if (!pid) {
    return Error{Errc::kInternal, unit + " does not run"};
  }
  SignalAll(Descendants(*pid), signal);
  return {};
}

// The supervisor must live: it reaps what was Postgres' parent.
Status Platform::Lose(const std::string& unit) {
  for (size_t node = 0; node < kNodes; ++node) {
    if (NameOf(node) == unit) {
      QUANTUM_CHECK(KillNode(node));
      return LocalFleet(layout()).Stop(unit);
    }
  }
  QUANTUM_CHECK(KillUnit(unit));
  return LocalFleet(layout()).Stop(unit);
}

// In a process of its own: it waits until the unit is ready, and the load goes on meanwhile.
Status Platform::BringBack(const std::string& unit) const {
  QUANTUM_TRY(Child start,
              Child::Start({.command = Command({"start", unit}), .output = options_.folder + "/start.out"}));
  Eventually(kStartMax, [&] { return !start.Running(); });
  return start.Wait() == 0 ? Status()
                           : Error{Errc::kInternal, fmt::format("{} does not start:\n{}", unit,
                                                                Tail(options_.folder + "/start.out", kWords))};
}

Status Platform::DropPackets(size_t node, bool drop) const {
  QUANTUM_ASSERT(options_.apart.own_machine);
  return RunCommand({"iptables", drop ? "-A" : "-D", "INPUT", "-p", "tcp", "--dport",
                     std::to_string(manifest().Port(NameOf(node))), "-j", "DROP"});
}

// Its sockets alone are cut: what it had sent before arrives.
Status Platform::CutOff(const std::string& unit, bool cut) const {
  QUANTUM_ASSERT(options_.apart.own_machine);
  QUANTUM_TRY(const Account account, FindAccount(CutAccount(unit)));
  return RunCommand({"iptables", cut ? "-A" : "-D", "OUTPUT", "-m", "owner", "--gid-owner", std::to_string(account.gid),
                     "-j", "DROP"});
}

std::string Platform::Ballast(size_t node) const { return fmt::format("{}/{}/ballast", layout().Data(), NameOf(node)); }

Status Platform::FillDisk(size_t node) const {
  QUANTUM_ASSERT(options_.apart.own_machine);
  const std::string path = Ballast(node);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  off_t size = 0;
  bool full = false;
  // Others write meanwhile: until nothing fits any more.
  for (int attempt = 0; file >= 0 && !full && attempt < 1000; ++attempt) {
    const auto free = static_cast<off_t>(FreeBytes(layout().Data() + "/" + NameOf(node)));
    full = free == 0;
    size += full || ::posix_fallocate(file, size, free) != 0 ? 0 : free;
  }
  if (file >= 0) {
    ::close(file);
  }
  return full ? Status() : Error{Errc::kInternal, fmt::format("{} could not be filled", path)};
}

Status Platform::EmptyDisk(size_t node) const {
  return ::unlink(Ballast(node).c_str()) == 0 ? Status() : Status(FromErrno("removing " + Ballast(node)));
}

std::string Platform::LastWords() const {
  std::string text;
  for (const config::Unit& unit : manifest().units()) {
    if (unit.kind == config::Unit::Kind::kServer) {
      text += fmt::format("== {}\n{}\n", unit.name, Tail(layout().UnitOutput(unit.name), kWords));
    }
  }
  return text;
}

}  // namespace quantum::operate::chaos
