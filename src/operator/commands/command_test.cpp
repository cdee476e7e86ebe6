#include "operator/commands/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "operator/commands/table.h"
#include "operator/commands/unit_table.h"

namespace quantum::operate {
namespace {

using testing::HasSubstr;

struct OptionCase {
  const char* name;
  UpOptions options;
  std::vector<std::string> overrides;  // empty: refused
};
void PrintTo(const OptionCase& one, std::ostream* out) { *out << one.name; }

class UpOptionTable : public testing::TestWithParam<OptionCase> {};

TEST_P(UpOptionTable, BecomesOverridesOrIsRefused) {
  const auto overrides = ToOverrides(GetParam().options);
  ASSERT_EQ(overrides.ok(), !GetParam().overrides.empty());
  if (overrides.ok()) {
    EXPECT_EQ(overrides.value(), GetParam().overrides);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, UpOptionTable,
    testing::Values(OptionCase{"Synthetic",
                               {.market = "synthetic", .speed = "", .strategy = "", .set = {}},
                               {"market.source=synthetic"}},
                    OptionCase{"Recordings",
                               {.market = "recording:a.gz,b.gz", .speed = "max", .strategy = "", .set = {}},
                               {"market.source=recording:a.gz,b.gz", "market.speed=max"}},
                    OptionCase{"Strategy",
                               {.market = "", .speed = "", .strategy = "exerciser", .set = {"market.seed=7"}},
                               {"strategy.name=exerciser", "market.seed=7"}},
                    OptionCase{"EmptyRecording", {.market = "recording:", .speed = "", .strategy = "", .set = {}}, {}},
                    OptionCase{"UnknownMarket", {.market = "live", .speed = "", .strategy = "", .set = {}}, {}},
                    OptionCase{"UnknownSpeed", {.market = "", .speed = "2", .strategy = "", .set = {}}, {}},
                    OptionCase{"SetWithoutValue", {.market = "", .speed = "", .strategy = "", .set = {"a.b"}}, {}},
                    OptionCase{"SetWithoutKey", {.market = "", .speed = "", .strategy = "", .set = {"=b"}}, {}}),
    [](const auto& test) { return test.param.name; });

int RunWith(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "quantum");
  return RunProgram(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Program, HelpNamesEveryCommandAndTheExitCodes) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(RunWith({"--help"}), kOk);
  const std::string help = testing::internal::GetCapturedStdout();
  for (const char* command : {"up", "down", "status", "logs", "start", "stop", "restart", "orders", "trades",
                              "positions", "trace", "verify", "halt", "bench", "version", "check", "test"}) {
    EXPECT_THAT(help, HasSubstr(std::string("\n  ") + command + " ")) << command;
  }
  EXPECT_THAT(help, HasSubstr("Exit codes"));
}

TEST(Program, WrongUsageIsTwoAndAPlatformThatDoesNotRunIsThree) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunWith({}), kUsage);
  EXPECT_EQ(RunWith({"dance"}), kUsage);
  EXPECT_EQ(RunWith({"logs"}), kUsage);
  EXPECT_EQ(RunWith({"status", "--state", "/nonexistent/quantum"}), kNotRunning);
  EXPECT_EQ(RunWith({"down", "--state", "/nonexistent/quantum"}), kNotRunning);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("./quantum up"));
}

TEST(Table, AlignsColumnsByCharacters) {
  EXPECT_EQ(FormatTable({"unit", "x"}, {{"redis-1", "1"}, {"zürich", "2"}}), "unit     x\nredis-1  1\nzürich   2\n");
}

TEST(Table, ShowsJsonRowsAndADashForWhatIsMissing) {
  EXPECT_EQ(FormatJsonRows(R"([{"a":"x","b":1.5},{"a":null}])", {"a", "b"}), "a  b\nx  1.5\n-  -\n");
  EXPECT_EQ(FormatJsonRows(R"({"orders":[{"a":"x"}]})", {"a"}), "a\nx\n");
  EXPECT_EQ(FormatJsonRows("[]", {"a"}), "none\n");
  EXPECT_EQ(FormatJsonRows("not json", {"a"}), "not json");
}

TEST(Market, IsLabelledForWhatItIs) {
  EXPECT_EQ(MarketLabel("synthetic", "1", "1"), "synthetic, seed 1, speed 1");
  EXPECT_EQ(MarketLabel("recording:/x/a.gz,/x/b.gz", "1", "max"), "recording a.gz and b.gz, speed max");
}

}  // namespace
}  // namespace quantum::operate
