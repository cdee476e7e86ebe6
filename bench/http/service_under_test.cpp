#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "platform/config/secrets.h"
#include "platform/fiber/fiber.h"
#include "platform/http/client.h"
#include "server_under_test.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;

constexpr Duration kReadyMax = 10s;

class ServiceUnderTest final : public ServerUnderTest {
 public:
  ServiceUnderTest(std::filesystem::path directory, int port, const std::string& program)
      : directory_(std::move(directory)),
        port_(port),
        child_({"env", fmt::format("QUANTUM_MANIFEST={}/quantum.yml", directory_.string()),
                fmt::format("QUANTUM_STATE_DIR={}", directory_.string()), program}) {}
  ~ServiceUnderTest() override {
    child_.Terminate();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  std::string name() const override { return "service"; }
  int port() const override { return port_; }
  double cpu_seconds() const override { return CpuSeconds(child_.pid()); }

 private:
  std::filesystem::path directory_;
  int port_;
  Child child_;
};

Status WaitUntilReady(int port) {
  Status ready = Error{Errc::kTimeout, "the sample service was not ready within ten seconds"};
  fiber::Loop loop("wait");
  loop.Spawn([&] {
    http::Client client(loop);
    const SteadyTime until = SystemClock().Steady() + kReadyMax;
    while (SystemClock().Steady() < until) {
      const auto answer = client.Send({.url = fmt::format("http://127.0.0.1:{}/health/ready", port), .timeout = 1s});
      if (answer.ok() && answer->status == 200) {
        ready = {};
        break;
      }
      fiber::SleepFor(20ms);
    }
    loop.Stop();
  });
  loop.Run();
  return ready;
}

}  // namespace

Result<std::unique_ptr<ServerUnderTest>> StartService(int core) {
  std::string directory = (std::filesystem::temp_directory_path() / "bench-http-XXXXXX").string();
  QUANTUM_ASSERT(::mkdtemp(directory.data()) != nullptr);
  const int port = FreePort();
  std::ofstream(directory + "/quantum.yml") << fmt::format(
      "version: 1\nmode: PAPER\nsymbols: [BTCUSDT]\nunits:\n  sample: {{kind: service, command: x, port: {}}}\n", port);
  for (const std::string_view secret : {config::kOperatorToken, config::kServiceToken}) {
    QUANTUM_CHECK(config::EnsureSecret(directory + "/secrets", secret));
  }
  PinToCore(core);  // the child is born there
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "sample-http-service";
  auto service = std::make_unique<ServiceUnderTest>(directory, port, program.string());
  QUANTUM_CHECK(WaitUntilReady(port));
  return std::unique_ptr<ServerUnderTest>(std::move(service));
}

}  // namespace quantum::bench
