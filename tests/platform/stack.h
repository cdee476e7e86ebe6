#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/platform/http_probe.h"
#include "tests/platform/processes.h"
#include "tests/support/process.h"

// A platform driven by the program `quantum` as an operator drives it. It plays the recordings beside the source tree
// (QUANTUM_MARKET_DATA names another place), else the synthetic market, and trades with the exerciser.
// QUANTUM_TEST_SET holds further KEY=VALUE overrides, separated by blanks (units.prometheus.port=9091), for a machine
// where one of its ports is taken.
namespace quantum::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Outcome {
  int exit_code = -1;  // -1: it did not end in time
  std::string output;  // standard output and error
};

struct UnitView {
  std::string name;
  std::string kind;
  std::string state;
  int pid = 0;
  int port = 0;
  int restarts = 0;
};

struct StackOptions {
  int port_offset = 5000;                    // docs/decisions/0004-port-offsets.md
  std::string speed = "1";                   // of a recording: 1, 10 or max
  std::string decisions_per_second = "1.3";  // of the exerciser: two symbols and this hold allow 1.33
  std::string hold = "3s";
};

class Stack {
 public:
  explicit Stack(StackOptions options = {}) : options_(std::move(options)) {}
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  // The one that all tests of platform_test share (environment.cpp).
  static Stack& Get();

  // Failures are exceptions, which fail the test (or the set-up) with the reason.
  void BringUp();
  // `down`, and `up` with the same options on what the first run has kept. Throws when either fails or a process is
  // left in between. Returns how long `up` took.
  std::chrono::duration<double> DownAndUpAgain();
  // Everything stopped, no process and no file left; throws what is. Nothing when it is not up.
  void TakeDown();

  Outcome Quantum(std::vector<std::string> arguments, seconds timeout = seconds(60)) const;
  // A command's JSON answer; throws when it failed.
  boost::json::value Ask(std::vector<std::string> arguments) const;

  std::vector<UnitView> Units() const;
  UnitView Unit(const std::string& name) const;
  // Of a service with two processes the unit that works at present; throws while none does.
  std::string Working(const std::string& unit) const;
  int Port(const std::string& unit) const;         // remembered, so that it answers while the supervisor is away
  int PlannedPort(const std::string& unit) const;  // by the manifest: before anything runs
  std::string Secret(const std::string& name) const;
  const std::filesystem::path& state() const { return state_; }
  bool is_up() const { return up_.exit_code == 0; }
  std::vector<ProcessView> Processes() const { return ProcessesOf(state_); }
  const Outcome& up() const { return up_; }
  const StackOptions& options() const { return options_; }

  // Through the gateway; `ByOperator` carries the operator's token and a JSON content type.
  Answer Get(const std::string& path) const;
  Probe ByOperator(const std::string& unit, const std::string& method, const std::string& path,
                   const std::string& body) const;
  boost::json::value GetJson(const std::string& path) const;  // throws for anything but 200

  boost::json::array ClosedTrades() const;    // newest first
  size_t ClosedAfter(int64_t unix_ms) const;  // closed by an exit at or after this time
  // A recording that ends meanwhile (where the tests are slow) is begun anew.
  bool AwaitClosedAfter(int64_t unix_ms, size_t count, seconds timeout) const;

  bool recording() const { return !recordings_.empty(); }
  bool MarketEnded() const;
  // The file of a symbol's recording. Precondition: recording().
  const std::string& RecordingOf(const std::string& symbol) const;

 private:
  std::vector<std::string> Command(std::vector<std::string> arguments) const;
  std::string Market() const;
  void KeepTheMarketMoving() const;
  std::vector<std::string> UpArguments() const;
  Outcome RunDown(std::vector<ProcessView>& left) const;  // `left`: what outlived it

  const StackOptions options_;
  std::optional<TemporaryDirectory> directory_;
  std::optional<Undertaker> undertaker_;
  std::filesystem::path state_;
  std::vector<std::string> recordings_;  // BTCUSDT, ETHUSDT
  std::vector<UnitView> first_units_;
  Outcome up_;
};

// The same units, each by the process and in the state that it had.
void ExpectSameProcesses(const std::vector<UnitView>& before, const std::vector<UnitView>& after);

// A line of progress with the seconds since the program began.
void Say(const std::string& line);

int64_t NowMs();

}  // namespace quantum::testing
