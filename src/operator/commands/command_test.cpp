#include "operator/commands/command.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ostream>
#include <set>
#include <sstream>

#include "operator/commands/unit_table.h"
#include "operator/table.h"
#include "platform/base/durable_file.h"
#include "tests/support/checkout/checkout.h"

namespace quantum::operate {
namespace {

using ::testing::HasSubstr;

int RunWith(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "quantum");
  return RunProgram(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Program, HelpNamesEveryCommandAndTheExitCodes) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(RunWith({"--help"}), kOk);
  const std::string help = ::testing::internal::GetCapturedStdout();
  for (const char* command : {"up", "down", "status", "logs", "start", "stop", "restart", "orders", "trades",
                              "positions", "trace", "verify", "halt", "bench", "version", "check", "test"}) {
    EXPECT_THAT(help, HasSubstr(std::string("\n  ") + command + " ")) << command;
  }
  EXPECT_THAT(help, HasSubstr("Exit codes"));
  EXPECT_LT(help.find("`./quantum up` installs"), help.find("Usage:")) << "what to do stands first";
}

TEST(Program, WrongUsageIsTwoAndAPlatformThatDoesNotRunIsThree) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(RunWith({}), kUsage);
  EXPECT_EQ(RunWith({"logs"}), kUsage);
  EXPECT_EQ(RunWith({"status", "--state", "/nonexistent/quantum"}), kNotRunning);
  EXPECT_EQ(RunWith({"down", "--state", "/nonexistent/quantum"}), kNotRunning);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("./quantum up"));
}

struct SlipCase {
  const char* name;
  std::vector<const char*> arguments;
  const char* answer;
};
void PrintTo(const SlipCase& one, std::ostream* out) { *out << one.name; }

class Slip : public ::testing::TestWithParam<SlipCase> {};

TEST_P(Slip, IsAnsweredInOneSentenceThatHelps) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(RunWith(GetParam().arguments), kUsage);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr(GetParam().answer));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Slip,
    ::testing::Values(
        SlipCase{
            "Command", {"stauts"}, "there is no command 'stauts'; did you mean status? The commands are up, down,"},
        SlipCase{"NothingLikeIt", {"dance"}, "there is no command 'dance'; the commands are up, down,"},
        SlipCase{"OfTheEntryScript", {"tset"}, "did you mean test?"},
        SlipCase{
            "Subcommand", {"bus", "tial"}, "there is no command 'tial'; did you mean tail? The commands are tail,"},
        SlipCase{"SubcommandMissing", {"bus", "group"}, "./quantum bus group needs one of drop"},
        SlipCase{
            "Option", {"orders", "--limmit", "5"}, "./quantum orders has no option --limmit; did you mean --limit?"},
        SlipCase{"OptionOfTheProgram", {"status", "--stat=x"}, "did you mean --state?"},
        SlipCase{"TooMany", {"down", "execution"}, "./quantum down does not know what to do with 'execution'"},
        SlipCase{"OffsetBelowZero", {"up", "--port-offset", "-5"}, "--port-offset"},
        SlipCase{"Value", {"logs", "a", "-n", "0"}, "./quantum logs --help"}),
    [](const auto& test) { return test.param.name; });

// Names and help of the commands that the program shows, subcommands included.
std::string HelpOf(std::vector<const char*> command) {
  ::testing::internal::CaptureStdout();
  command.push_back("--help");
  EXPECT_EQ(RunWith(command), kOk);
  return ::testing::internal::GetCapturedStdout();
}

TEST(Program, EveryCommandHasHelpAndThoseThatAScriptReadsHaveJson) {
  for (const std::vector<const char*>& command : std::vector<std::vector<const char*>>{
           {"up"}, {"down"}, {"start"}, {"stop"}, {"restart"}, {"logs"}, {"halt"}, {"bus", "group"}, {"chaos"}}) {
    EXPECT_THAT(HelpOf(command), HasSubstr("Usage:")) << command.back();
  }
  for (const std::vector<const char*>& command :
       std::vector<std::vector<const char*>>{{"status"},
                                             {"orders"},
                                             {"trades"},
                                             {"positions"},
                                             {"trace"},
                                             {"verify"},
                                             {"schedule"},
                                             {"check"},
                                             {"bus"},
                                             {"bus", "tail"},
                                             {"bus", "replay"},
                                             {"bus", "group", "drop"},
                                             {"bus", "dead-letters", "list"},
                                             {"bus", "dead-letters", "replay"},
                                             {"bus", "dead-letters", "drop"},
                                             {"redis"},
                                             {"redis", "failover"},
                                             {"postgres"},
                                             {"postgres", "switchover"},
                                             {"postgres", "failover"},
                                             {"backup"},
                                             {"restore"},
                                             {"restore-test"},
                                             {"chaos", "bus"},
                                             {"chaos", "postgres"},
                                             {"tradestore", "check"},
                                             {"tradestore", "migrate"},
                                             {"tradestore", "status"},
                                             {"tradestore", "aside"},
                                             {"tradestore", "switch"},
                                             {"tradestore", "finish"},
                                             {"tradestore", "rollback"},
                                             {"bench"},
                                             {"version"}}) {
    EXPECT_THAT(HelpOf(command), HasSubstr("--json")) << command.front() << " " << command.back();
  }
}

TEST(Program, VersionIsReadByScriptsToo) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(RunWith({"version", "--json"}), kOk);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), ::testing::MatchesRegex("\\{\"version\":\"[0-9.]+\"\\}\n"));
}

// Before the build the entry script speaks for the program.
TEST(EntryScript, NamesTheCommandsThatTheProgramHas) {
  const std::string script = ReadFile(checkout::SourceDirectory() + "/quantum").value();
  const size_t begin = script.find("\n  up   ");
  const std::string usage = script.substr(begin, script.find("\nHELP", begin) - begin);
  std::istringstream help(HelpOf({}));
  std::set<std::string> commands{"test"};
  for (std::string line; std::getline(help, line);) {
    if (line.starts_with("  ") && line[2] >= 'a' && line[2] <= 'z') {
      commands.insert(line.substr(2, line.find(' ', 2) - 2));
    }
  }
  EXPECT_GT(commands.size(), 20u);
  for (const std::string& command : commands) {
    EXPECT_THAT(usage, ::testing::ContainsRegex("(\n  |, )" + command + "(,|  )"));
  }
  const auto named = static_cast<size_t>(std::count(usage.begin(), usage.end(), ','));
  EXPECT_LE(commands.size(), named + 10) << "each stands there once, before its description";
}

// The exit code with standard output on `file`, and what is said on standard error.
void RunOnto(int file, std::vector<const char*> arguments) {
  ::dup2(file, STDOUT_FILENO);
  std::exit(RunWith(std::move(arguments)));
}

TEST(OutputDeathTest, ThatCannotBeWrittenIsSaidAndIsAFailure) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  const char* const sentence = "^quantum: standard output cannot be written: No space left on device\n$";
  EXPECT_EXIT(RunOnto(full, {"version"}), ::testing::ExitedWithCode(kFailed), sentence);
  EXPECT_EXIT(RunOnto(full, {"--help"}), ::testing::ExitedWithCode(kFailed), sentence);
  ::close(full);
}

TEST(OutputDeathTest, WhoseReaderHasGoneEndsQuietly) {
  int channel[2] = {-1, -1};
  ASSERT_EQ(::pipe2(channel, O_CLOEXEC), 0);
  ::close(channel[0]);
  EXPECT_EXIT(RunOnto(channel[1], {"version"}), ::testing::ExitedWithCode(kOk), "^$");
  ::close(channel[1]);
}

TEST(Table, AlignsColumnsByCharacters) {
  EXPECT_EQ(FormatTable({"unit", "x"}, {{"redis-1", "1"}, {"zürich", "2"}}), "unit     x\nredis-1  1\nzürich   2\n");
}

TEST(Table, ShowsJsonRowsAndADashForWhatIsMissing) {
  EXPECT_EQ(FormatJsonRows(R"([{"a":"x","b":1.5},{"a":null}])", {"a", "b"}), "a  b\nx  1.5\n-  -\n");
  EXPECT_EQ(FormatJsonRows(R"({"orders":[{"a":"x"}]})", {"a"}), "a\nx\n");
  EXPECT_EQ(FormatJsonRows("[]", {"a"}), "none\n");
  EXPECT_EQ(FormatJsonRows("not json", {"a"}), "not json");
  EXPECT_EQ(FormatJsonRows(R"([{"a":"zürich","b":"x"}])", {{"a", 3}, {"b", 1, "c"}}), "a    c\nzü…  x\n");
}

TEST(Table, AnOrdersPriceIsWhatItFilledAtOrItsLimitOrItsTrigger) {
  const auto price = [](const char* row) {
    const std::string table = FormatJsonRows(row, {{{"average_price", "price", "trigger_price"}, 9, "price"}});
    return table.substr(table.find('\n') + 1);
  };
  EXPECT_EQ(price(R"([{"average_price":61783.6,"price":61700,"trigger_price":0}])"), "61783.6\n");
  EXPECT_EQ(price(R"([{"average_price":0,"price":"61700","trigger_price":0}])"), "61700\n");
  EXPECT_EQ(price(R"([{"average_price":"0","price":0.0,"trigger_price":60000.5}])"), "60000.5\n");
  EXPECT_EQ(price(R"([{"average_price":0,"price":0}])"), "0\n");
  EXPECT_EQ(price(R"([{"price":null}])"), "-\n");
}

// The longest that the fields take, and a bit more where they have no bound.
TEST(Table, OrdersAndTradesFitATerminalOf120Columns) {
  const std::string text = R"([{"time":1795445600123,"entry_time":1795445600123,"symbol":"1000SHIBUSDT",
    "leg":"TAKE_PROFIT","side":"SHORT","status":"PARTIALLY_FILLED","quantity":"12345.12345678",
    "average_price":"61800.12345678","entry_price":"61800.12345678","exit_price":"61800.12345678",
    "pnl_usd":"-1234.12345678","strategy":"a-strategy-of-somebody","correlation_id":"0192f0c1-0000-7000-8000-123456789abc",
    "close_reason":"the exchange has refused the entry: -2019 margin is insufficient"}])";
  for (const auto& [columns, has] :
       {std::pair(OrderColumns(), "0192f0c1-0000-7000-8000-123456789abc"), std::pair(TradeColumns(), "61800.1234…")}) {
    const std::string table = FormatJsonRows(text, columns, FromUnixMs(1795445600123) + std::chrono::hours(25));
    EXPECT_THAT(table, HasSubstr(has));
    std::istringstream lines(table);
    for (std::string line; std::getline(lines, line);) {
      const auto marks = static_cast<size_t>(std::count(line.begin(), line.end(), '\xE2'));
      EXPECT_LE(line.size() - 2 * marks, 120u) << line;  // … has three bytes
    }
  }
}

TEST(Table, ATimeOfTodayIsTheTimeOfDayAndAnOlderOneHasItsDay) {
  const WallTime time = FromUnixMs(1'795'445'600'123);
  const std::string row = R"([{"time":1795445600123}])";
  EXPECT_EQ(FormatJsonRows(row, {{"time", 11}}, time + std::chrono::hours(1)),
            "time\n" + FormatIso8601(time).substr(11, 8) + "\n");
  EXPECT_EQ(FormatJsonRows(row, {{"time", 11}}, time + std::chrono::hours(24)),
            "time\n" + FormatIso8601(time).substr(5, 5) + " " + FormatIso8601(time).substr(11, 5) + "\n");
  EXPECT_EQ(FormatJsonRows(row, {"time"}), "time\n" + FormatIso8601(time) + "\n");
}

TEST(Table, LongLinesAreBrokenBetweenWords) {
  EXPECT_EQ(Wrap("short"), "short\n");
  EXPECT_EQ(Wrap("one two three", 8), "one two\n    three\n");
  const std::string text = Wrap(std::string(30, 'x') + std::string(300, ' ') + std::string(200, 'y'));
  EXPECT_EQ(text, std::string(30, 'x') + "\n    " + std::string(200, 'y') + "\n") << "a long word stays whole";
}

TEST(Table, FlatPositionsAreLeftOut) {
  const std::string rows = R"({"items":[{"symbol":"A","quantity":"0"},{"symbol":"B","quantity":"-0.002"},)"
                           R"({"symbol":"C","quantity":"0.000"},{"symbol":"D"}]})";
  EXPECT_EQ(OnlyOpen(rows), R"({"items":[{"symbol":"B","quantity":"-0.002"},{"symbol":"D"}]})");
  EXPECT_EQ(OnlyOpen("not json"), "not json");
}

TEST(Market, IsLabelledForWhatItIs) {
  EXPECT_EQ(MarketLabel("synthetic", "1", "1"), "synthetic, seed 1, speed 1");
  EXPECT_EQ(MarketLabel("recording:/x/a.gz,/x/b.gz", "1", "max"), "recording a.gz and b.gz, speed max");
}

}  // namespace
}  // namespace quantum::operate
