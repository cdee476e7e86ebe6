#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "operator/state/layout.h"
#include "operator/supervisor/local_fleet.h"
#include "tests/support/process.h"

namespace quantum::operate {

// What happens at once, on a machine that is busy with other things.
inline constexpr std::chrono::seconds kSoon(30);

struct Outcome {
  int exit_code = -1;
  std::string output;  // standard error included
};

std::string ToyProgram();  // the path of toy-server

// A program that hangs is ended after three minutes (exit code 124).
Outcome Shell(const std::string& command);

// A platform of toy servers in a temporary directory, run by the real program `quantum`. Whatever happens to the test,
// it is taken down: a guard process waits for the end of this one. Nothing may listen on its ports afterwards.
class ToyPlatform : public ::testing::Test {
 protected:
  ToyPlatform();
  ~ToyPlatform() override;

  // `units` is the YAML below `units:`, `more` what stands beside it.
  void WriteManifest(const std::string& units, const std::string& more = {});

  // A toy server with a port of its own; `more` are further keys of the unit.
  std::string Server(const std::string& name, const std::string& more = {});
  // A toy service that is ready only while the file Away() does not exist, and alive all the time.
  std::string Waiting(const std::string& name, const std::string& more = {});
  std::string Away() const { return (directory_.path() / "away").string(); }

  Outcome Quantum(const std::string& arguments);
  std::vector<std::string> Command(std::vector<std::string> arguments) const;
  void Up();
  // An `up` that runs beside the test; what it says is in Said().
  quantum::testing::Process UpInBackground(std::vector<std::string> options = {});
  std::string Said() const;

  UnitStatus Unit(const std::string& name);
  bool ReadyWithin(std::chrono::milliseconds time, const std::string& name, int other_than);
  pid_t SupervisorPid();
  pid_t KeeperPid();
  void KillAllBehindTheSupervisorsBack();

  quantum::testing::TemporaryDirectory directory_;
  Layout layout_;
  LocalFleet fleet_;
  std::vector<int> ports_;

 private:
  int alive_[2] = {-1, -1};
  pid_t guard_ = -1;
};

}  // namespace quantum::operate
