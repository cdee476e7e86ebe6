#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <boost/json.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/checkout/checkout.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

// `quantum chaos bus` as an operator runs it, in a folder of its own.
namespace quantum::testing {

namespace json = boost::json;
namespace fs = std::filesystem;

class BusChaosTest : public ::testing::Test {
 protected:
  struct Outcome {
    int exit_code = -1;
    std::string output;
    json::object report;  // empty: none was written
  };

  Process Start(std::vector<std::string> options) const {
    // Processes under a sanitizer take several times the time for each event.
    std::vector<std::string> command{(fs::read_symlink("/proc/self/exe").parent_path() / "quantum").string(),
                                     "chaos",
                                     "bus",
                                     "--json",
                                     Json(),
                                     "--rate",
                                     kSlowdown > 1 ? "200" : "1000"};
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

  // All that it makes but the report.
  fs::path Temporary() const {
    const fs::path folder = directory_.path() / "temporary";
    fs::create_directories(folder);
    return folder;
  }
  std::string Json() const { return (directory_.path() / "report.json").string(); }

  void ExpectGood(const Outcome& outcome, size_t rounds) const {
    ASSERT_FALSE(outcome.report.empty()) << outcome.output;
    const json::object& verdict = outcome.report.at("verdict").as_object();
    for (const char* violation : {"lost", "doubled", "disordered", "misplaced", "invented", "contradicted"}) {
      EXPECT_EQ(verdict.at(violation).to_number<uint64_t>(), 0u) << violation << "\n" << outcome.output;
    }
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    EXPECT_EQ(outcome.report.at("rounds").as_array().size(), rounds);
    EXPECT_GE(verdict.at("acknowledged").to_number<uint64_t>(), 1000 * rounds);
    EXPECT_TRUE(fs::is_empty(Temporary())) << "it left something behind";
  }

  TemporaryDirectory directory_{"bus-chaos"};
};

}  // namespace quantum::testing
