#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <boost/json.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/checkout/checkout.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

// `quantum chaos bus`, `… postgres` and `… orders` as an operator runs them, in a folder of their own.
namespace quantum::testing {

namespace json = boost::json;
namespace fs = std::filesystem;

class ChaosTest : public ::testing::Test {
 protected:
  // rates: operations a second, and under a sanitizer, where each takes several times the time.
  ChaosTest(std::string what, std::string rate, std::string slow_rate)
      : what_(std::move(what)), rate_(kSlowdown > 1 ? std::move(slow_rate) : std::move(rate)) {}

  struct Outcome {
    int exit_code = -1;
    std::string output;
    json::object report;  // empty: none was written
  };

  Process Start(std::vector<std::string> options) const {
    std::vector<std::string> command{(fs::read_symlink("/proc/self/exe").parent_path() / "quantum").string(),
                                     "chaos",
                                     what_,
                                     "--json",
                                     Json(),
                                     "--rate",
                                     rate_};
    command.insert(command.end(), options.begin(), options.end());
    return Process({.command = command,
                    .output = directory_.path() / "output",
                    .environment = {"QUANTUM_ROOT=" + checkout::SourceDirectory(), "TMPDIR=" + Temporary().string()}});
  }

  Outcome Run(std::vector<std::string> options, std::chrono::milliseconds timeout) const {
    Process process = Start(std::move(options));
    const bool ended = Eventually(timeout, [&] { return !process.Running(); });
    Outcome outcome;
    const int status = process.Stop(std::chrono::seconds(10)).value_or(-1);
    outcome.exit_code = ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    outcome.output = ReadFile(directory_.path() / "output");
    if (fs::exists(Json())) {
      outcome.report = json::parse(ReadFile(Json())).as_object();
    }
    return outcome;
  }

  // Ends a run by SIGINT, as an operator does. patience: until its first round is over.
  void InterruptAfterTheFirstRound(std::vector<std::string> options, std::chrono::seconds patience) const {
    Process process = Start(std::move(options));
    const auto output = [&] { return ReadFile(directory_.path() / "output"); };
    const bool begun =
        Eventually(patience, [&] { return output().find("1/100") != std::string::npos || !process.Running(); });
    ASSERT_TRUE(begun && process.Running()) << output();
    ASSERT_TRUE(process.Stop(std::chrono::seconds(60), SIGINT).has_value());
  }

  // All that it makes but the report.
  fs::path Temporary() const {
    const fs::path folder = directory_.path() / "temporary";
    fs::create_directories(folder);
    return folder;
  }
  std::string Json() const { return (directory_.path() / "report.json").string(); }

  const std::string what_;
  const std::string rate_;
  TemporaryDirectory directory_{"chaos"};
};

}  // namespace quantum::testing
