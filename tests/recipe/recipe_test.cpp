// docs/adding-a-service.md, followed: its files are written into a checkout that holds nothing else, built, and run
// beside the manifest and the Prometheus that know the new service.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>

#include "operator/state/environment.h"
#include "operator/state/stage.h"
#include "tests/platform/http_probe.h"
#include "tests/recipe/recipe.h"
#include "tests/support/checkout/checkout.h"
#include "tests/support/process.h"

namespace quantum::testing {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

class AddedService : public ::testing::Test {
 protected:
  AddedService()
      : source_(checkout::SourceDirectory()),
        page_(source_ / "docs/adding-a-service.md"),
        directory_("recipe"),
        checkout_(directory_.path() / "checkout"),
        layout_{(directory_.path() / "s").string()} {
    fs::permissions(directory_.path(), fs::perms(0755));
    fs::create_directories(checkout_ / "src/services/hello");
    fs::copy(source_ / "infra", checkout_ / "infra", fs::copy_options::recursive);
  }

  // Runs a program to its end: true when it exited 0. What it printed is in Output(name).
  bool Run(const std::string& name, std::vector<std::string> command, std::chrono::seconds deadline,
           std::vector<std::string> environment = {}) {
    status_ = -1;
    Process process({.command = std::move(command), .output = OutputFile(name), .environment = std::move(environment)});
    if (!Eventually(deadline, [&] { return !process.Running(); })) {
      return false;
    }
    status_ = process.Stop().value_or(-1);
    return status_ == 0;
  }
  fs::path OutputFile(const std::string& name) const { return directory_.path() / (name + ".output"); }
  std::string Output(const std::string& name) const { return ReadFile(OutputFile(name)); }

  // Parts 1 to 3 of the page.
  void WriteFiles() {
    for (const std::string name : {"CMakeLists.txt", "main.cpp"}) {
      const std::string file = "src/services/hello/" + name;
      WriteFile(checkout_ / file, page_.BlockAfter("\n`" + file + "`\n"));
    }
    std::string folders = ReadFile(source_ / "src/services/CMakeLists.txt");
    const std::string list = "foreach(folder ";
    ASSERT_THAT(folders, HasSubstr(list));
    folders.insert(folders.find(list) + list.size(), "hello ");
    WriteFile(checkout_ / "src/services/CMakeLists.txt", folders);

    std::string manifest = ReadFile(source_ / "quantum.yml");
    manifest = InsertBehind(manifest, "units:", page_.BlockAfter("In `quantum.yml`, under `units`:"));
    manifest = InsertBehind(manifest, "services:", page_.BlockAfter("under `services` (in place of its `{}`"), " {}");
    WriteFile(checkout_ / "quantum.yml", manifest);

    const fs::path prometheus = checkout_ / "infra/metrics/prometheus.yml";
    const std::string targets = page_.BlockAfter("In `infra/metrics/prometheus.yml`, to the targets of the job");
    WriteFile(prometheus, InsertBehind(ReadFile(prometheus), "    static_configs:", targets));
  }

  bool Build() {
    fs::copy(source_ / "tests/recipe/checkout.cmake", checkout_ / "CMakeLists.txt");
    const std::string build = (checkout_ / "build").string();
    return Run("build",
               {"cmake", "-G", "Ninja", "-S", checkout_.string(), "-B", build, "-DQUANTUM_SOURCE=" + source_.string(),
                "-DQUANTUM_BUILD=" + checkout::BinaryDirectory() + "/tests/recipe"},
               60s) &&
           Run("build", {"cmake", "--build", build, "--target", "quantum-hello"}, 120s,
               {"CCACHE_BASEDIR=" + checkout_.string(), "CCACHE_NOHASHDIR=1"});
  }

  std::string Program() const { return (checkout_ / "build/quantum-hello").string(); }

  config::Manifest Load() {
    const std::vector<int> ports = FreePorts(2);
    overrides_ = {fmt::format("units.hello.port={}", ports[0]), fmt::format("units.prometheus.port={}", ports[1])};
    auto manifest = config::Manifest::Load((checkout_ / "quantum.yml").string(), overrides_);
    if (!manifest.ok()) {
      throw std::runtime_error(manifest.error().message);
    }
    return std::move(manifest).value();
  }

  std::vector<std::string> Environment() const {
    return {"QUANTUM_MANIFEST=" + (checkout_ / "quantum.yml").string(), "QUANTUM_STATE_DIR=" + layout_.root,
            fmt::format("QUANTUM_OVERRIDES={}", fmt::join(overrides_, "\n"))};
  }

  // `./quantum check` where the new program lies beside the others.
  bool Check() {
    const fs::path bin = directory_.path() / "bin";
    fs::create_directories(bin);
    fs::copy(checkout::BinaryDirectory() + "/quantum", bin / "quantum");
    for (const fs::directory_entry& entry : fs::directory_iterator(checkout::BinaryDirectory())) {
      if (entry.path().filename().string().starts_with("quantum-")) {
        fs::create_symlink(entry.path(), bin / entry.path().filename());
      }
    }
    fs::create_symlink(Program(), bin / "quantum-hello");
    return Run("check", {(bin / "quantum").string(), "--manifest", (checkout_ / "quantum.yml").string(), "check"}, 60s);
  }

  const fs::path source_;
  const Recipe page_;
  TemporaryDirectory directory_;
  const fs::path checkout_;
  const operate::Layout layout_;
  std::vector<std::string> overrides_;
  int status_ = 0;
};

// The health of Prometheus' target with that label: "up", "down", "unknown"; empty: there is none.
std::string TargetHealth(int prometheus, const std::string& service) {
  const json::value targets = json::parse(Send({.port = prometheus, .path = "/api/v1/targets"}).body);
  for (const json::value& target : targets.at("data").at("activeTargets").as_array()) {
    if (target.at("labels").at("service").as_string() == service) {
      return std::string(target.at("health").as_string());
    }
  }
  return {};
}

TEST_F(AddedService, ByThePageIsBuiltConfiguredServedScrapedAndStopped) {
  ASSERT_NO_FATAL_FAILURE(WriteFiles());
  ASSERT_TRUE(Build()) << Output("build");
  const config::Manifest manifest = Load();
  ASSERT_TRUE(Run("configuration", {Program(), "--check"}, 30s, Environment())) << Output("configuration");
  ASSERT_TRUE(Check()) << Output("check");

  fs::create_directories(layout_.root);
  ASSERT_TRUE(operate::PrepareFolders(layout_, manifest, {}).ok());
  for (const char* secret : {"operator-token", "service-token"}) {
    WriteFile(layout_.Secrets() + "/" + secret, "a-token-of-the-test");
  }
  Process service({.command = {Program()}, .output = OutputFile("service"), .environment = Environment()});
  const int port = manifest.Port("hello");
  const auto get = [port](const std::string& path) { return Send({.port = port, .path = path}); };
  const std::string ready = manifest.FindUnit("hello")->ready.target;
  ASSERT_TRUE(Eventually(30s, [&] { return get(ready).status == 200; })) << Output("service");

  EXPECT_EQ(json::parse(get("/api/hello/greeting").body).at("greeting").as_string(), "good morning");
  EXPECT_EQ(json::parse(get("/api/hello/greeting").body).at("answered").as_int64(), 2);
  const json::value health = json::parse(get("/health").body);
  EXPECT_EQ(health.at("service").as_string(), "hello-service");
  EXPECT_EQ(health.at("status").as_string(), "OK") << health;
  EXPECT_TRUE(
      Eventually(30s, [&] { return json::parse(get("/health").body).at("metrics").at("answered").as_int64() == 2; }));
  EXPECT_EQ(get("/api/hello/health").status, 200);
  EXPECT_EQ(get(manifest.FindUnit("hello")->live.target).status, 200);
  EXPECT_TRUE(get("/metrics").body.find(R"(http_requests_total{endpoint="/api/hello/greeting",)") != std::string::npos);
  EXPECT_THAT(ReadFile(layout_.ServiceLog() + "/hello-service.log"), HasSubstr("hello is ready to greet"));

  const auto rendered =
      operate::RenderInfra(layout_, (checkout_ / "infra").string(), operate::PlainVariables(layout_, manifest), {});
  ASSERT_TRUE(rendered.ok()) << rendered.error().message;
  const int watcher = manifest.Port("prometheus");
  Process prometheus({.command = {"/usr/bin/prometheus", "--config.file=" + layout_.Etc() + "/metrics/prometheus.yml",
                                  "--storage.tsdb.path=" + layout_.Data() + "/prometheus",
                                  fmt::format("--web.listen-address=127.0.0.1:{}", watcher)},
                      .output = OutputFile("prometheus")});
  EXPECT_TRUE(Eventually(60s, [&] { return TargetHealth(watcher, "hello-service") == "up"; })) << Output("prometheus");

  const std::optional<int> stopped = service.Stop();
  ASSERT_TRUE(stopped.has_value()) << "it had to be killed: " << Output("service");
  EXPECT_TRUE(WIFEXITED(*stopped) && WEXITSTATUS(*stopped) == 0) << *stopped << Output("service");
}

TEST(Recipe, TellsWhenThePageNoLongerSaysWhatIsFollowed) {
  const TemporaryDirectory directory("recipe");
  WriteFile(directory.path() / "page.md",
            "In `a`:\n\n```yaml\nx: 1\n```\n\nIn `b` write something.\n\n## Next\n\n```sh\nls\n```\n");
  const Recipe page(directory.path() / "page.md");
  EXPECT_EQ(page.BlockAfter("In `a`:"), "x: 1\n");
  EXPECT_THROW(page.BlockAfter("In `b` write"), std::runtime_error);
  EXPECT_THROW(page.BlockAfter("In `c`"), std::runtime_error);
  EXPECT_EQ(InsertBehind("a: {}\nb:\n", "a:", "  x: 1\n", " {}"), "a:\n  x: 1\nb:\n");
  EXPECT_THROW(InsertBehind("a:\n", "c:", "x\n"), std::runtime_error);
}

}  // namespace
}  // namespace quantum::testing
