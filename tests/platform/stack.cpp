#include "tests/platform/stack.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "exchange/recording/recording.h"
#include "platform/config/manifest.h"
#include "platform/log/log.h"
#include "platform/log/setup.h"
#include "tests/support/checkout/checkout.h"

namespace quantum::testing {

namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::steady_clock;

namespace {

constexpr seconds kUpMax(120);
constexpr seconds kDownMax(120);
constexpr seconds kGoneMax(20);  // postgres' children see that their parent is gone
constexpr milliseconds kPoll(500);

const steady_clock::time_point kBegin = steady_clock::now();

std::string Describe(const std::vector<ProcessView>& processes) {
  std::string text;
  for (const ProcessView& process : processes) {
    text += fmt::format("\n  {} {}", process.pid, process.command.substr(0, 120));
  }
  return text;
}

std::vector<std::string> OverridesOfThisMachine() {
  const char* text = std::getenv("QUANTUM_TEST_SET");
  std::istringstream words(text == nullptr ? "" : text);
  return {std::istream_iterator<std::string>(words), {}};
}

}  // namespace

void Say(const std::string& line) {
  fmt::print("[{:6.1f} s] {}\n", std::chrono::duration<double>(steady_clock::now() - kBegin).count(), line);
  std::fflush(stdout);
}

int64_t NowMs() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Stack::~Stack() {
  try {
    TakeDown();
  } catch (const std::exception& exception) {
    ADD_FAILURE() << exception.what();
  }
}

void Stack::BringUp() {
  directory_.emplace("quantum-platform");
  // The units run as users of their own and must be able to reach their files.
  fs::permissions(directory_->path(), fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  state_ = directory_->path() / "state";
  for (const char* name : {"usdm_btcusdt_20240808.gz", "usdm_ethusdt_20240808.gz"}) {
    const std::string path = exchange::FindMarketData(checkout::SourceDirectory(), name);
    if (!path.empty()) {
      recordings_.push_back(path);
    }
  }
  if (recordings_.size() < 2) {
    const char* const required = std::getenv("QUANTUM_REQUIRE_MARKET_DATA");
    if (required != nullptr && std::string_view(required) == "1") {
      throw std::runtime_error("a recording is missing and QUANTUM_REQUIRE_MARKET_DATA asks for both");
    }
    recordings_.clear();
  }
  Say(fmt::format("bringing a platform up at {} on {}, speed {}", options_.port_offset, Market(), options_.speed));
  undertaker_.emplace(Command({"down"}), directory_->path());
  log::SetLevel(log::Level::kWarning);  // of this process: its own clients' connections are no news
  up_ = Quantum(UpArguments(), kUpMax);
  if (up_.exit_code != 0) {
    throw std::runtime_error(fmt::format("`quantum up` ended with {}:\n{}", up_.exit_code, up_.output));
  }
  first_units_ = Units();
  Say(fmt::format("{} units are up", first_units_.size()));
}

std::string Stack::Market() const {
  return recording() ? fmt::format("recording:{}", fmt::join(recordings_, ",")) : std::string("synthetic");
}

std::vector<std::string> Stack::UpArguments() const {
  std::vector<std::string> up{"up",
                              "--market",
                              Market(),
                              "--speed",
                              options_.speed,
                              "--strategy",
                              "exerciser",
                              "--set",
                              "strategy.decisions_per_second=" + options_.decisions_per_second,
                              "--set",
                              "strategy.hold=" + options_.hold};
  for (const std::string& word : OverridesOfThisMachine()) {
    up.insert(up.end(), {"--set", word});
  }
  return up;
}

std::chrono::duration<double> Stack::DownAndUpAgain() {
  Say("taking the platform down, its data stays");
  std::vector<ProcessView> left;
  const Outcome down = RunDown(left);
  if (down.exit_code != 0 || !left.empty()) {
    throw std::runtime_error(
        fmt::format("`quantum down` ended with {}: {}; left:{}", down.exit_code, down.output, Describe(left)));
  }
  Say("bringing it up again");
  const auto begin = steady_clock::now();
  const Outcome up = Quantum(UpArguments(), kUpMax);
  const std::chrono::duration<double> took = steady_clock::now() - begin;
  if (up.exit_code != 0) {
    throw std::runtime_error(fmt::format("the second `quantum up` ended with {}:\n{}", up.exit_code, up.output));
  }
  return took;
}

int Stack::PlannedPort(const std::string& unit) const {
  const auto manifest = config::Manifest::Load(checkout::SourceDirectory() + "/quantum.yml", OverridesOfThisMachine(),
                                               options_.port_offset);
  if (!manifest.ok()) {
    throw std::runtime_error(manifest.error().message);
  }
  return manifest->Port(unit);
}

Outcome Stack::RunDown(std::vector<ProcessView>& left) const {
  Outcome down = Quantum({"down"}, kDownMax);
  Eventually(kGoneMax, [&] {
    left = ProcessesOf(state_);
    return left.empty();
  });
  return down;
}

void Stack::TakeDown() {
  if (!directory_) {
    return;
  }
  const char* keep = std::getenv("QUANTUM_TEST_KEEP_LOGS");  // a directory, for looking into a failure
  if (keep != nullptr) {
    std::error_code ignored;
    fs::copy(state_ / "log", keep, fs::copy_options::recursive | fs::copy_options::overwrite_existing, ignored);
  }
  Say("taking the platform down");
  std::vector<ProcessView> left;
  const Outcome down = RunDown(left);
  // Those that are left are named below; they must not stay all the same.
  for (const ProcessView& process : left) {
    ::kill(process.pid, SIGKILL);
  }
  undertaker_.reset();
  const fs::path path = directory_->path();
  directory_.reset();
  Say("down");
  if (up_.exit_code == 0 && down.exit_code != 0) {
    throw std::runtime_error(fmt::format("`quantum down` ended with {}:\n{}", down.exit_code, down.output));
  }
  if (!left.empty()) {
    throw std::runtime_error("processes outlived `quantum down`:" + Describe(left));
  }
  if (fs::exists(path)) {
    throw std::runtime_error(path.string() + " could not be removed");
  }
}

std::vector<std::string> Stack::Command(std::vector<std::string> arguments) const {
  std::vector<std::string> command{checkout::BinaryDirectory() + "/quantum",
                                   "--port-offset",
                                   std::to_string(options_.port_offset),
                                   "--state",
                                   state_.string(),
                                   "--manifest",
                                   checkout::SourceDirectory() + "/quantum.yml"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

Outcome Stack::Quantum(std::vector<std::string> arguments, seconds timeout) const {
  static std::atomic<int> number{0};
  const fs::path output = directory_->path() / fmt::format("output-{}", ++number);
  Process process({.command = Command(std::move(arguments)), .output = output});
  Outcome outcome;
  if (Eventually(timeout, [&] { return !process.Running(); })) {
    const int status = process.Stop(milliseconds(0)).value_or(-1);
    outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  outcome.output = ReadFile(output);
  fs::remove(output);
  return outcome;
}

json::value Stack::Ask(std::vector<std::string> arguments) const {
  arguments.push_back("--json");
  const Outcome outcome = Quantum(arguments);
  boost::system::error_code error;
  json::value value = json::parse(outcome.output, error);
  if (outcome.exit_code != 0 || error) {
    throw std::runtime_error(
        fmt::format("`quantum {}` ended with {}: {}", arguments.front(), outcome.exit_code, outcome.output));
  }
  return value;
}

std::vector<UnitView> Stack::Units() const {
  std::vector<UnitView> units;
  const json::value status = Ask({"status"});
  for (const json::value& unit : status.at("units").as_array()) {
    units.push_back({.name = json::value_to<std::string>(unit.at("name")),
                     .kind = json::value_to<std::string>(unit.at("kind")),
                     .state = json::value_to<std::string>(unit.at("state")),
                     .pid = json::value_to<int>(unit.at("pid")),
                     .port = json::value_to<int>(unit.at("port")),
                     .restarts = json::value_to<int>(unit.at("restarts"))});
  }
  return units;
}

UnitView Stack::Unit(const std::string& name) const {
  for (const UnitView& unit : Units()) {
    if (unit.name == name) {
      return unit;
    }
  }
  throw std::runtime_error("there is no unit " + name);
}

std::string Stack::Working(const std::string& unit) const {
  for (const std::string& each : {unit, unit + "-standby"}) {
    const Answer health = Send({.port = Port(each), .path = "/health"});
    if (health.end == Answer::End::kAnswered &&
        boost::json::parse(health.body).at("metrics").at("phase").as_string() == "READY") {
      return each;
    }
  }
  throw std::runtime_error("no process of " + unit + " works");
}

int Stack::Port(const std::string& unit) const {
  for (const UnitView& each : first_units_) {
    if (each.name == unit) {
      return each.port;
    }
  }
  throw std::runtime_error("there is no unit " + unit);
}

std::string Stack::Secret(const std::string& name) const {
  std::string text = ReadFile(state_ / "secrets" / name);
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return text;
}

Answer Stack::Get(const std::string& path) const { return Send({.port = Port("gateway"), .path = path}); }

Probe Stack::ByOperator(const std::string& unit, const std::string& method, const std::string& path,
                        const std::string& body) const {
  return {.port = Port(unit),
          .path = path,
          .method = method,
          .headers = {{"Authorization", "Bearer " + Secret("operator-token")}, {"Content-Type", "application/json"}},
          .body = body};
}

json::value Stack::GetJson(const std::string& path) const {
  const Answer answer = SendWithinLimit({.port = Port("gateway"), .path = path});
  if (answer.status != 200) {
    throw std::runtime_error(fmt::format("GET {} answered {}: {}", path, answer.status, answer.body));
  }
  return json::parse(answer.body);
}

json::array Stack::ClosedTrades() const {
  return Ask({"trades", "--status", "CLOSED", "--limit", "1000"}).at("items").as_array();
}

size_t Stack::ClosedAfter(int64_t unix_ms) const {
  const json::array trades = ClosedTrades();
  return static_cast<size_t>(std::count_if(trades.begin(), trades.end(), [&](const json::value& trade) {
    return trade.at("exit_time").is_int64() && trade.at("exit_time").as_int64() >= unix_ms;
  }));
}

bool Stack::AwaitClosedAfter(int64_t unix_ms, size_t count, seconds timeout) const {
  return Eventually(timeout, [&] {
    try {
      if (ClosedAfter(unix_ms) >= count) {
        return true;
      }
      KeepTheMarketMoving();
    } catch (const std::exception&) {
      // execution or the exchange may be away for a moment
    }
    std::this_thread::sleep_for(kPoll);
    return false;
  });
}

void Stack::KeepTheMarketMoving() const {
  if (!MarketEnded()) {
    return;
  }
  Say("the recording has ended: restarting the exchange, which begins it anew");
  // Entries that fail meanwhile would trip the emergency stop.
  Send(ByOperator("ai-engine", "POST", "/admin/pause", "{}"));
  Quantum({"restart", "paper-exchange"});
  Send(ByOperator("ai-engine", "POST", "/admin/resume", "{}"));
}

bool Stack::MarketEnded() const {
  const Answer answer = Send({.port = Port("paper-exchange"), .path = "/paper/market"});
  return answer.status == 200 && json::parse(answer.body).at("ended").as_bool();
}

const std::string& Stack::RecordingOf(const std::string& symbol) const {
  return recordings_.at(symbol == "BTCUSDT" ? 0 : 1);
}

void ExpectSameProcesses(const std::vector<UnitView>& before, const std::vector<UnitView>& after) {
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(after[i].name, before[i].name);
    EXPECT_EQ(after[i].pid, before[i].pid) << before[i].name;
    EXPECT_EQ(after[i].state, before[i].state) << before[i].name;
  }
}

}  // namespace quantum::testing
