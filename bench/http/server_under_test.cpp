#include "server_under_test.h"

#include <fmt/format.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>

#include "platform/http/server.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;

class QuantumServer final : public ServerUnderTest {
 public:
  explicit QuantumServer(int core) : loop_("http"), server_(loop_, {}) {
    server_.Route("GET", kPath, [](const http::Request&) { return http::Json(kBody); });
    server_.Route("GET", "/api/execution/orders/{id}", [](const http::Request& request) {
      return http::Json(R"({"id":")" + request.Parameter("id") + R"("})");
    });
    const Status started = server_.Start();
    QUANTUM_ASSERT(started.ok());
    std::promise<void> pinned;
    thread_ = std::thread([this, core, &pinned] {
      PinToCore(core);
      pthread_getcpuclockid(pthread_self(), &cpu_clock_);
      pinned.set_value();
      loop_.Run();
    });
    pinned.get_future().wait();
  }
  ~QuantumServer() override {
    server_.Stop();
    loop_.Post([this] { loop_.Stop(); });
    thread_.join();
  }
  std::string name() const override { return "server"; }
  int port() const override { return server_.port(); }
  double cpu_seconds() const override {
    timespec used{};
    clock_gettime(cpu_clock_, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
  }

 private:
  fiber::Loop loop_;
  http::Server server_;
  clockid_t cpu_clock_{};
  std::thread thread_;
};

class NginxServer final : public ServerUnderTest {
 public:
  NginxServer(std::filesystem::path directory, std::unique_ptr<Child> child, int port)
      : directory_(std::move(directory)), child_(std::move(child)), port_(port) {}
  ~NginxServer() override {
    child_->Terminate();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  std::string name() const override { return "nginx"; }
  int port() const override { return port_; }
  double cpu_seconds() const override {
    double used = 0;
    for (const pid_t worker : ChildrenOf(child_->pid())) {
      used += CpuSeconds(worker);
    }
    return used;
  }

 private:
  std::filesystem::path directory_;
  std::unique_ptr<Child> child_;
  int port_;
};

std::string NginxConfiguration(const std::string& directory, int port, int core) {
  const std::string mask = "1" + std::string(static_cast<size_t>(core), '0');
  return fmt::format(R"(daemon off;
worker_processes 1;
worker_cpu_affinity {mask};
pid {directory}/nginx.pid;
error_log {directory}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location = {path} {{
      default_type application/json;
      return 200 '{body}';
    }}
  }}
}}
)",
                     fmt::arg("mask", mask), fmt::arg("directory", directory), fmt::arg("port", port),
                     fmt::arg("path", kPath), fmt::arg("body", kBody));
}

}  // namespace

std::unique_ptr<ServerUnderTest> StartQuantum(int core) { return std::make_unique<QuantumServer>(core); }

Result<std::unique_ptr<ServerUnderTest>> StartNginx(int core) {
  std::string directory = (std::filesystem::temp_directory_path() / "bench-http-XXXXXX").string();
  QUANTUM_ASSERT(::mkdtemp(directory.data()) != nullptr);
  const int port = FreePort();
  const std::string file = directory + "/nginx.conf";
  std::ofstream(file) << NginxConfiguration(directory, port, core);
  auto child = std::make_unique<Child>(std::vector<std::string>{"nginx", "-c", file, "-p", directory});
  const pid_t pid = child->pid();
  auto server = std::make_unique<NginxServer>(directory, std::move(child), port);
  for (int i = 0; i < 100; ++i) {
    if (!ChildrenOf(pid).empty()) {
      std::this_thread::sleep_for(100ms);
      return std::unique_ptr<ServerUnderTest>(std::move(server));
    }
    std::this_thread::sleep_for(20ms);
  }
  return Error{Errc::kUnavailable, "nginx did not start within two seconds; is the package nginx-light installed?"};
}

}  // namespace quantum::bench
