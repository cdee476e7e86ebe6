#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>
#include <vector>

#include "platform/config/manifest.h"
#include "tests/operator/toy_platform.h"

// What `up` does with options that it refuses, that a running platform does not have, or that another `up` is given at
// the same moment; and with the address in the manifest.
namespace quantum::operate {
namespace {

using quantum::testing::Eventually;
using quantum::testing::Process;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kMarket = "market: {source: synthetic, seed: 1, speed: \"1\"}\nstrategy: {name: ensemble}\n";

class UpOptionsTest : public ToyPlatform {};

TEST_F(UpOptionsTest, ThatAreRefusedLeaveNothingBehind) {
  WriteManifest(Server("a"), kMarket);
  for (const auto& [options, code] :
       std::vector<std::pair<std::string, int>>{{"--port-offset -5", 2},
                                                {"--port-offset 65000", 2},
                                                {"--speed 3", 2},
                                                {"--set units.a.colour=red", 2},
                                                {"--set bind=198.51.100.7", 2},
                                                {"--market recording:missing.gz", 1},
                                                {"--set units.a.command=[\\'\\${BIN}/not-built\\']", 1}}) {
    const Outcome up = Quantum("up " + options);
    EXPECT_EQ(up.exit_code, code) << options << ": " << up.output;
    EXPECT_FALSE(std::filesystem::exists(layout_.root)) << options << ": " << up.output;
  }
  Up();
  EXPECT_EQ(Unit("a").state, State::kReady);
}

TEST_F(UpOptionsTest, ThatARunningPlatformDoesNotHaveAreRefusedByName) {
  WriteManifest(Server("a"), kMarket);
  ASSERT_EQ(Quantum("up --strategy exerciser --set market.seed=7").exit_code, 0);
  const int pid = Unit("a").pid;
  const Outcome same = Quantum("up --strategy exerciser --set market.seed=7 --speed 1 --market synthetic");
  EXPECT_EQ(same.exit_code, 0) << same.output;
  const Outcome other = Quantum("up --speed 10 --strategy ensemble --set market.seed=8");
  EXPECT_EQ(other.exit_code, 2) << other.output;
  EXPECT_THAT(other.output,
              AllOf(HasSubstr("--speed 10 (it runs with 1)"), HasSubstr("--strategy ensemble (it runs with exerciser)"),
                    HasSubstr("--set market.seed=8 (it runs with 7)"), HasSubstr("./quantum down")));
  EXPECT_EQ(Unit("a").pid, pid);
  WriteManifest(Server("b"), kMarket);
  const Outcome changed = Quantum("up");
  EXPECT_EQ(changed.exit_code, 0) << changed.output;
  EXPECT_THAT(changed.output, HasSubstr("has changed since the start"));
}

// The program is started by the entry script, which has left the caller's folder: a path is not meant from where the
// program stands, nor from where the manifest lies.
TEST_F(UpOptionsTest, ARecordingIsLookedUpFromTheFolderOfTheCaller) {
  WriteManifest(Server("a"), kMarket);
  const auto caller = directory_.path() / "caller/here";
  const auto recordings = directory_.path() / "caller/recorded";
  std::filesystem::create_directories(caller);
  std::filesystem::create_directories(recordings);
  quantum::testing::WriteFile(recordings / "frames.gz", "1 {\"s\":\"BTCUSDT\"}\n");  // read as it is when not packed
  const auto up = [&](const std::string& file) {
    const auto command = Command({"up", "--market", "recording:../recorded/" + file});
    return Shell(fmt::format("env QUANTUM_CALLER_DIR={} {}", caller.string(), fmt::join(command, " ")));
  };
  const Outcome missing = up("missing.gz");
  EXPECT_EQ(missing.exit_code, 1) << missing.output;
  EXPECT_THAT(missing.output, HasSubstr(fmt::format("there is no recording {}/missing.gz", recordings.string())));
  const Outcome found = up("frames.gz");
  ASSERT_EQ(found.exit_code, 0) << found.output;
  EXPECT_THAT(found.output, HasSubstr("market recording frames.gz"));
  EXPECT_TRUE(std::filesystem::exists(layout_.Market() + "/frames.gz"));
  const Outcome again = up("frames.gz");  // the same file, so no other option than it runs with
  EXPECT_EQ(again.exit_code, 0) << again.output;
}

TEST_F(UpOptionsTest, OfSeveralUpsAtOnceMakeOneStartWithTheOptionsOfOne) {
  WriteManifest(Server("a") + Server("b"), kMarket);
  std::vector<Process> ups;
  for (int i = 0; i < 4; ++i) {
    ups.emplace_back(
        quantum::testing::ProcessOptions{.command = Command({"up", "--set", fmt::format("market.seed={}", i + 2)}),
                                         .output = directory_.path() / fmt::format("up-{}.out", i)});
  }
  int started = 0;
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(Eventually(kSoon, [&] { return !ups[static_cast<size_t>(i)].Running(); }));
    const auto status = ups[static_cast<size_t>(i)].Stop(seconds(0), 0);
    const std::string said = quantum::testing::ReadFile(directory_.path() / fmt::format("up-{}.out", i));
    ASSERT_TRUE(status && WIFEXITED(*status)) << said;
    if (WEXITSTATUS(*status) == 0) {
      ++started;
      EXPECT_THAT(said, HasSubstr(fmt::format("seed {}", i + 2)));
    } else {
      EXPECT_EQ(WEXITSTATUS(*status), 2) << said;
      EXPECT_THAT(said, HasSubstr(fmt::format("--set market.seed={} (it runs with", i + 2)));
    }
  }
  EXPECT_EQ(started, 1);
  for (const int port : ports_) {
    EXPECT_EQ(Shell(fmt::format("pgrep -cf '^{} {}'", ToyProgram(), port)).output, "1\n");
  }
  EXPECT_EQ(Shell(fmt::format("pgrep -cf '^{}/bin/quantum supervise --state {}$'", layout_.root, layout_.root)).output,
            "1\n");
}

TEST_F(UpOptionsTest, TheGatewayListensAndIsFoundAtTheAddressOfTheManifest) {
  for (const char* address : {"::1", "127.0.0.5"}) {
    WriteManifest(Server("gateway", fmt::format("    environment: {{TOY_ADDRESS: \"{}\"}}\n"
                                                "    live: {{http: /health/live, interval: 100ms}}\n",
                                                address)) +
                      Server("a"),
                  fmt::format("bind: \"{}\"\n", address));
    const Outcome up = Quantum("up");
    ASSERT_EQ(up.exit_code, 0) << up.output;
    const std::string url = fmt::format("http://{}:{}", config::InUrl(address), Unit("gateway").port);
    EXPECT_THAT(up.output, HasSubstr("Gateway: " + url));
    EXPECT_THAT(Shell(fmt::format("bash -c 'exec 3<>/dev/tcp/{}/{} && printf \"GET / HTTP/1.0\\r\\n\\r\\n\" >&3 && "
                                  "head -1 <&3'",
                                  address, Unit("gateway").port))
                    .output,
                HasSubstr(" 200 "));
    EXPECT_EQ(Unit("gateway").restarts, 0);
    ASSERT_EQ(Quantum("down").exit_code, 0);
  }
}

}  // namespace
}  // namespace quantum::operate
