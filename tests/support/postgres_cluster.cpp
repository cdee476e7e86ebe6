#include "tests/support/postgres_cluster.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "tests/support/postgres_files.h"

namespace quantum::testing {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using postgres_files::kOwnerPassword;
using postgres_files::kServicePassword;
using postgres_files::kUser;
using postgres_files::MakeDirectory;
using postgres_files::Render;

constexpr const char* kApiLogin = "cXVhbnR1bTp0ZXN0LXBhc3N3b3JkLW9mLXBhdHJvbmk=";  // base64 of quantum:PASSWORD
constexpr size_t kLogTail = 3000;

bool IsRoot() { return ::geteuid() == 0; }

// A process may end at any moment: nothing then.
std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::ifstream text(fmt::format("/proc/{0}/task/{0}/children", pid));
  std::vector<pid_t> all;
  for (pid_t child = 0; text >> child;) {
    all.push_back(child);
    const auto below = ChildrenOf(child);
    all.insert(all.end(), below.begin(), below.end());
  }
  return all;
}

std::string CommandOf(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/cmdline", pid));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

// One exchange over a connection of its own; nothing when that fails.
std::optional<std::string> Exchange(int port, const std::string& request, std::chrono::seconds patience = 5s) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = patience.count(), .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  bool good = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
              ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
  char buffer[4096];
  for (ssize_t got = 1; good && got > 0;) {
    got = ::recv(fd, buffer, sizeof(buffer), 0);
    good = got >= 0;
    answer.append(buffer, static_cast<size_t>(std::max<ssize_t>(0, got)));
  }
  ::close(fd);
  return good ? std::optional(answer) : std::nullopt;
}

std::vector<std::string> NamespaceCommand() {
  std::vector<std::string> command{"unshare", "--pid", "--fork", "--kill-child", "--mount-proc"};
  if (!IsRoot()) {
    command.insert(command.end(), {"--user", "--map-current-user"});
  }
  return command;
}

// Whether the kernel lets us make one.
bool HasNamespaces() {
  static const bool has = [] {
    std::vector<std::string> command = NamespaceCommand();
    command.emplace_back("true");
    Process probe({.command = command, .output = {}, .user = {}, .directory = "/", .environment = {}});
    Eventually(10s, [&] { return !probe.Running(); });
    return probe.Stop().value_or(1) == 0;
  }();
  return has;
}

std::string Tail(const fs::path& file) {
  std::string text = ReadFile(file);
  return fmt::format("== {}\n{}\n", file.filename().string(),
                     text.substr(text.size() - std::min(text.size(), kLogTail)));
}

}  // namespace

PostgresCluster::PostgresCluster() : directory_("quantum-cluster") {
  fs::permissions(directory_.path(), fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  const std::vector<int> ports = FreePorts(6 + 2 * kNodes);
  etcd_port_ = ports[0];
  haproxy_port_ = ports[2];
  read_port_ = ports[3];
  pgbouncer_port_ = ports[4];
  const fs::path secrets = directory_.path() / "secrets";
  fs::create_directory(secrets);
  const auto secret = [&](const std::string& name, const std::string& password) {
    WriteFile(secrets / name, password + "\n");
    return (secrets / name).string();
  };
  const fs::path config = MakeDirectory(directory_.path() / "config");
  std::string servers;
  for (size_t node = 0; node < kNodes; ++node) {
    nodes_[node].port = ports[6 + 2 * node];
    nodes_[node].api_port = ports[7 + 2 * node];
    nodes_[node].directory = MakeDirectory(directory_.path() / fmt::format("postgres-{}", node + 1));
    servers += fmt::format("    server postgres-{} 127.0.0.1:{} check port {}\n", node + 1, nodes_[node].port,
                           nodes_[node].api_port);
  }
  const fs::path etcd = MakeDirectory(directory_.path() / "etcd");
  const Variables variables{
      {"ETCD_NAME", "etcd-1"},
      {"ETCD_DATA_DIR", (etcd / "data").string()},
      {"ETCD_KEYS_DIR", (etcd / "keys").string()},
      {"ETCD_PORT", std::to_string(etcd_port_)},
      {"ETCD_PEER_PORT", std::to_string(ports[1])},
      {"ETCD_HOSTS", fmt::format("127.0.0.1:{}", etcd_port_)},
      {"ETCD_METRICS_PORT", std::to_string(ports[5])},
      {"SECRET_PATRONI_API", kApiPassword},
      {"SECRET_POSTGRES_SUPERUSER", "test-password-of-superuser"},
      {"SECRET_POSTGRES_REPLICATION", "test-password-of-replication"},
      {"PATRONI_INITDB_SYNC", "    - no-sync"},
      {"PG_BIN", "/usr/lib/postgresql/15/bin"},
      {"PG_SHARED_BUFFERS", "64MB"},
      {"HAPROXY_SOCKET", (config / "haproxy.sock").string()},
      {"HAPROXY_PORT", std::to_string(haproxy_port_)},
      {"HAPROXY_READ_PORT", std::to_string(read_port_)},
      {"HAPROXY_SERVERS", servers},
      // bootstrap.sh speaks to the primary, wherever it is.
      {"PG_HOST", "127.0.0.1"},
      {"PG_PORT", std::to_string(haproxy_port_)},
      {"PG_WAIT_SECONDS", "60"},
      {"PG_UPSTREAM_HOST", "127.0.0.1"},
      {"PG_UPSTREAM_PORT", std::to_string(haproxy_port_)},
      {"PG_READ_PORT", std::to_string(read_port_)},
      {"PGBOUNCER_PORT", std::to_string(pgbouncer_port_)},
      {"PGBOUNCER_CONFIG_DIR", config.string()},
      {"PG_SUPERUSER_PASSWORD_FILE", secret("superuser", "test-password-of-superuser")},
      {"PG_OWNER_PASSWORD_FILE", secret("owner", kOwnerPassword)},
      {"PG_SERVICE_PASSWORD_FILE", secret("service", kServicePassword)},
      {"PG_REPLICATION_PASSWORD_FILE", secret("replication", "test-password-of-replication")},
      {"PGBOUNCER_ADMIN_PASSWORD_FILE", secret("admin", kConsolePassword)},
      {"PGBOUNCER_STATS_PASSWORD_FILE", secret("stats", "test-password-of-stats")},
  };
  Render("etcd.yml", config, variables);
  Render("haproxy.cfg", config, variables);
  Render("pgbouncer.ini", config, variables);
  Bootstrap("etcd-keys", variables);
  StartEtcd();
  for (size_t node = 0; node < kNodes; ++node) {
    PrepareNode(node, variables);
    StartNode(node);
    AwaitPrimary();  // the first makes the data that the others copy
  }
  StartHaproxy();
  AwaitHealthy();
  Bootstrap("roles", variables);
  Bootstrap("userlist", variables);
  StartPgBouncer();
}

PostgresCluster::~PostgresCluster() {
  if (pgbouncer_) {
    pgbouncer_->Stop();
  }
  if (haproxy_) {
    haproxy_->Stop(5s, SIGUSR1);
  }
  for (size_t node = 0; node < kNodes; ++node) {
    KillNode(node);
  }
  if (etcd_) {
    etcd_->Stop();
  }
}

void PostgresCluster::PrepareNode(size_t node, const Variables& variables) const {
  const fs::path& home = nodes_[node].directory;
  Variables own{{"NODE", fmt::format("postgres-{}", node + 1)},
                {"PG_PORT", std::to_string(nodes_[node].port)},
                {"PATRONI_PORT", std::to_string(nodes_[node].api_port)},
                {"PG_DATA_DIR", (home / "data").string()},
                {"PG_CONFIG_DIR", MakeDirectory(home / "config").string()},
                {"PG_SOCKET_DIR", MakeDirectory(home / "socket").string()},
                {"PG_RUN_DIR", MakeDirectory(home / "run").string()}};
  own.insert(own.end(), variables.begin(), variables.end());
  for (const char* name : {"postgresql.conf", "pg_hba.conf", "patroni.yml"}) {
    Render(name, home / "config", own);
  }
  WriteFile(home / "config/local.conf", "archive_mode = off\n");
  postgres_files::GiveTo(home / "config/local.conf");
}

// Without what is for templates alone: secrets, and lines.
void PostgresCluster::Bootstrap(const std::string& task, Variables variables) const {
  std::erase_if(variables, [](const auto& each) {
    return each.first.starts_with("SECRET_") || each.second.find('\n') != std::string::npos;
  });
  try {
    postgres_files::Bootstrap(task, variables, directory_.path() / "bootstrap.log");
  } catch (const std::runtime_error& failure) {
    throw std::runtime_error(failure.what() + ("\n" + Logs()));
  }
}

postgres::PoolOptions PostgresCluster::ServiceOptions() const {
  postgres::PoolOptions options;
  options.port = pgbouncer_port_;
  options.password = kServicePassword;
  return options;
}

postgres::PoolOptions PostgresCluster::OwnerOptions() const {
  postgres::PoolOptions options;
  options.port = haproxy_port_;
  options.user = "quantum_owner";
  options.password = kOwnerPassword;
  options.connections_max = 1;
  return options;
}

postgres::PoolOptions PostgresCluster::ReadOptions() const {
  postgres::PoolOptions options = ServiceOptions();
  options.port = read_port_;
  return options;
}

postgres::PoolOptions PostgresCluster::NodeOptions(size_t node) const {
  postgres::PoolOptions options = OwnerOptions();
  options.port = nodes_.at(node).port;
  return options;
}

std::string PostgresCluster::AskEtcd(const std::string& request) const {
  return Exchange(etcd_port_, request).value_or("");
}

std::string PostgresCluster::AskEtcdByTls() const {
  const fs::path said = directory_.path() / "s_client.log";
  Process client(
      {.command = {"sh", "-c",
                   fmt::format(
                       "printf 'GET /v2/keys/quantum HTTP/1.0\\r\\n\\r\\n' | timeout 5 openssl s_client -ign_eof "
                       "-connect 127.0.0.1:{}",
                       etcd_port_)},
       .output = said,
       .user = {},
       .directory = "/",
       .environment = {}});
  Eventually(10s, [&] { return !client.Running(); });
  return ReadFile(said);
}

std::string PostgresCluster::ApiUrl(size_t node) const {
  return fmt::format("http://127.0.0.1:{}", nodes_.at(node).api_port);
}

std::optional<PostgresCluster::HttpAnswer> PostgresCluster::Api(size_t node, const std::string& method,
                                                                const std::string& path, const std::string& body,
                                                                std::chrono::seconds patience) const {
  const auto answer = Exchange(nodes_.at(node).api_port,
                               fmt::format("{} {} HTTP/1.0\r\nAuthorization: Basic {}\r\nContent-Length: {}\r\n\r\n{}",
                                           method, path, kApiLogin, body.size(), body),
                               patience);
  if (!answer || answer->size() < 12 || !answer->starts_with("HTTP/")) {
    return std::nullopt;
  }
  const size_t head = answer->find("\r\n\r\n");
  return HttpAnswer{std::stoi(answer->substr(9, 3)), head == std::string::npos ? "" : answer->substr(head + 4)};
}

// Each says what it is itself: what etcd holds of a node that is gone may be old.
std::optional<size_t> PostgresCluster::NodeOfRole(const std::string& role) const {
  for (size_t node = 0; node < kNodes; ++node) {
    if (const auto answer = Api(node, "GET", "/" + role); answer && answer->status == 200) {
      return node;
    }
  }
  return std::nullopt;
}

std::optional<size_t> PostgresCluster::Primary() const { return NodeOfRole("primary"); }
std::optional<size_t> PostgresCluster::SynchronousStandby() const { return NodeOfRole("synchronous"); }

size_t PostgresCluster::AwaitPrimary() const {
  std::optional<size_t> primary;
  if (!Eventually(60s, [&] { return (primary = Primary()).has_value(); })) {
    throw std::runtime_error("no node of Postgres becomes the primary:\n" + Logs());
  }
  return *primary;
}

void PostgresCluster::AwaitHealthy() const {
  if (!Eventually(120s, [&] { return Primary() && SynchronousStandby(); })) {
    throw std::runtime_error("no primary with a synchronous standby:\n" + Logs());
  }
}

void PostgresCluster::StartNode(size_t node) {
  const std::string config = (nodes_.at(node).directory / "config/patroni.yml").string();
  std::vector<std::string> command = HasNamespaces() ? NamespaceCommand() : std::vector<std::string>();
  if (IsRoot()) {
    command.insert(command.end(),
                   {"setpriv", "--pdeathsig=KILL", "--reuid=postgres", "--regid=postgres", "--init-groups"});
  }
  command.insert(command.end(), {"patroni", config});
  nodes_[node].process =
      std::make_unique<Process>(ProcessOptions{.command = command,
                                               .output = directory_.path() / fmt::format("postgres-{}.log", node + 1),
                                               .user = {},
                                               .directory = "/",
                                               .environment = {}});
}

std::vector<pid_t> PostgresCluster::ProcessesOf(size_t node) const {
  const Node& of = nodes_.at(node);
  if (!of.process || of.process->pid() <= 0) {
    return {};
  }
  std::vector<pid_t> all = ChildrenOf(of.process->pid());
  if (!HasNamespaces()) {
    all.push_back(of.process->pid());
    // Postgres is nobody's child: Patroni leaves it alone, so that it may itself be started anew.
    std::ifstream file(of.directory / "data/postmaster.pid");
    if (pid_t postmaster = 0;
        file >> postmaster && CommandOf(postmaster).find(of.directory.string()) != std::string::npos) {
      all.push_back(postmaster);
      const auto below = ChildrenOf(postmaster);
      all.insert(all.end(), below.begin(), below.end());
    }
  }
  return all;
}

void PostgresCluster::KillPostgres(size_t node) {
  // Stopped first, else it would start new ones.
  std::vector<pid_t> servers;
  for (const pid_t pid : ProcessesOf(node)) {
    const std::string command = CommandOf(pid);
    if (command.find("bin/postgres ") != std::string::npos || command.starts_with("postgres: ")) {
      ::kill(pid, SIGSTOP);
      servers.push_back(pid);
    }
  }
  for (const pid_t pid : servers) {
    ::kill(pid, SIGKILL);
  }
  if (servers.size() < 2) {
    throw std::runtime_error("Postgres does not run on this node: " + Logs());
  }
}

void PostgresCluster::KillNode(size_t node) {
  const std::vector<pid_t> all = ProcessesOf(node);
  if (nodes_.at(node).process) {
    nodes_[node].process->Kill();
  }
  for (const pid_t pid : all) {
    ::kill(pid, SIGKILL);  // those that a namespace has not taken along
  }
  Eventually(20s, [&] { return std::none_of(all.begin(), all.end(), [](pid_t pid) { return ::kill(pid, 0) == 0; }); });
}

void PostgresCluster::Freeze(size_t node) {
  for (const pid_t pid : ProcessesOf(node)) {
    ::kill(pid, SIGSTOP);
  }
}

void PostgresCluster::Thaw(size_t node) {
  for (const pid_t pid : ProcessesOf(node)) {
    ::kill(pid, SIGCONT);
  }
}

void PostgresCluster::FreezeReceiver(size_t node) {
  for (const pid_t pid : ProcessesOf(node)) {
    if (CommandOf(pid).find("walreceiver") != std::string::npos) {
      ::kill(pid, SIGSTOP);
    }
  }
}

void PostgresCluster::KillEtcd() { etcd_->Kill(); }

void PostgresCluster::StartEtcd() {
  etcd_ = postgres_files::Serve({"etcd", "--config-file", (directory_.path() / "config/etcd.yml").string()},
                                directory_.path() / "etcd.log");
}

void PostgresCluster::KillHaproxy() { haproxy_->Kill(); }

void PostgresCluster::StartHaproxy() {
  haproxy_ = postgres_files::Serve({"/usr/sbin/haproxy", "-f", (directory_.path() / "config/haproxy.cfg").string()},
                                   directory_.path() / "haproxy.log");
}

void PostgresCluster::StartPgBouncer() {
  pgbouncer_ = postgres_files::Serve({"/usr/sbin/pgbouncer", (directory_.path() / "config/pgbouncer.ini").string()},
                                     directory_.path() / "pgbouncer.log");
}

std::string PostgresCluster::SwitchOver() {
  const size_t primary = AwaitPrimary();
  // Patroni answers when it is done, which on a busy machine takes a while.
  const auto answer =
      Api(primary, "POST", "/switchover", fmt::format(R"({{"leader":"postgres-{}"}})", primary + 1), 60s);
  return answer ? fmt::format("{} {}", answer->status, answer->body) : "no answer";
}

void PostgresCluster::Configure(const std::string& json) {
  const auto answer = Api(AwaitPrimary(), "PATCH", "/config", json);
  if (!answer || answer->status != 200) {
    throw std::runtime_error("Patroni takes no configuration: " + (answer ? answer->body : "no answer"));
  }
}

std::string PostgresCluster::Logs() const {
  std::string text;
  for (const char* name : {"etcd.log", "postgres-1.log", "postgres-2.log", "haproxy.log", "pgbouncer.log"}) {
    text += Tail(directory_.path() / name);
  }
  return text;
}

}  // namespace quantum::testing
