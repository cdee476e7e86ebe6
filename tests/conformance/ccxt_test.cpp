#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/checkout/checkout.h"
#include "tests/support/npm_packages.h"
#include "tests/support/paper_exchange.h"

// Unmodified ccxt from npm judges the paper exchange: ccxt.mjs makes every call and checks the values.
namespace quantum {
namespace {

namespace fs = std::filesystem;
using quantum::testing::Eventually;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Ccxt : public ::testing::Test {
 protected:
  void SetUp() override {
    packages_ = quantum::testing::NpmPackages("tests/conformance", 20);
    if (packages_.empty()) {
      return;
    }
    for (const auto& file : fs::directory_iterator(checkout::SourceDirectory() + "/tests/conformance")) {
      if (file.path().extension() == ".mjs") {
        fs::copy_file(file.path(), packages_ / file.path().filename(), fs::copy_options::overwrite_existing);
      }
    }
    exchange_.Start();
  }

  // What ccxt.mjs says, and on the last line how it ended. `altered`: see client.mjs, the negative
  // control.
  std::string Judge(const std::vector<std::string>& subjects, const std::string& altered = "") {
    quantum::testing::ProcessOptions options;
    options.command = {"node", (packages_ / "ccxt.mjs").string()};
    options.command.insert(options.command.end(), subjects.begin(), subjects.end());
    options.output = exchange_.directory() / fmt::format("judge-{}", ++judged_);
    options.environment = {fmt::format("PAPER_PORT={}", exchange_.port()),
                           "PAPER_KEY=" + exchange_.key(),
                           "PAPER_SECRET=" + exchange_.secret(),
                           fmt::format("PAPER_FAULT_PORT={}", exchange_.fault_port()),
                           "PAPER_FAULT_TOKEN=" + exchange_.fault_token(),
                           fmt::format("CONFORMANCE_SLOWDOWN={}", quantum::testing::kSlowdown)};
    if (!altered.empty()) {
      options.environment.push_back("CONFORMANCE_ALTER=" + altered);
    }
    quantum::testing::Process process(options);
    const bool ended = Eventually(std::chrono::seconds(120), [&] { return !process.Running(); });
    EXPECT_TRUE(ended) << "it did not end";
    const auto status = process.Stop();
    return quantum::testing::ReadFile(options.output) +
           (status && WIFEXITED(*status) ? fmt::format("exit code {}\n", WEXITSTATUS(*status)) : "killed\n");
  }

  fs::path packages_;
  quantum::testing::PaperExchangeProcess exchange_{checkout::BinaryDirectory()};
  int judged_ = 0;
};

TEST_F(Ccxt, FindsEveryCallOfTheFuturesInterfaceRight) {
  const std::string said = Judge({});
  std::printf("%s", said.c_str());
  EXPECT_THAT(said, AllOf(HasSubstr("calls checked, 0 wrong, 0 left out"), HasSubstr("exit code 0")));
}

// The negative control: a last place that is off by one.
TEST_F(Ccxt, NoticesAnAnswerWhoseNumbersAreWrong) {
  EXPECT_THAT(Judge({"account"}, "GET /fapi/v1/income"),
              AllOf(HasSubstr("FAILED fetchFundingHistory: AssertionError"),
                    HasSubstr("FAILED fetchLedger: AssertionError"), HasSubstr(" 2 wrong"), HasSubstr("exit code 1")));
}

TEST_F(Ccxt, NoticesAnEventWhoseNumbersAreWrong) {
  EXPECT_THAT(Judge({"user"}, "ACCOUNT_UPDATE"), AllOf(HasSubstr("FAILED watchBalance: AssertionError"),
                                                       HasSubstr("FAILED watchPositions: AssertionError"),
                                                       Not(HasSubstr("FAILED watchOrders")), HasSubstr("exit code 1")));
}

}  // namespace
}  // namespace quantum
