#include "operator/commands/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "tests/support/temporary_directory.h"

namespace quantum::operate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct OptionCase {
  const char* name;
  UpOptions options;
  std::vector<std::string> overrides;  // empty: refused
};
void PrintTo(const OptionCase& one, std::ostream* out) { *out << one.name; }

class UpOptionTable : public ::testing::TestWithParam<OptionCase> {};

TEST_P(UpOptionTable, BecomesOverridesOrIsRefused) {
  const auto overrides = ToOverrides(GetParam().options);
  ASSERT_EQ(overrides.ok(), !GetParam().overrides.empty());
  if (overrides.ok()) {
    EXPECT_EQ(overrides.value(), GetParam().overrides);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, UpOptionTable,
    ::testing::Values(
        OptionCase{
            "Synthetic", {.market = "synthetic", .speed = "", .strategy = "", .set = {}}, {"market.source=synthetic"}},
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

TEST(Markets, GivenOneByOneAreOneSource) {
  EXPECT_EQ(JoinMarkets({}), "");
  EXPECT_EQ(JoinMarkets({"synthetic"}), "synthetic");
  EXPECT_EQ(JoinMarkets({"recording:a.gz", "recording:b.gz", "c.gz"}), "recording:a.gz,b.gz,c.gz");
}

class RunningOptions : public ::testing::Test {
 protected:
  RunningOptions() {
    const std::string path = (directory_.path() / "quantum.yml").string();
    EXPECT_TRUE(WriteFileAtomically(path,
                                    "version: 1\nmode: PAPER\nsymbols: [BTCUSDT]\n"
                                    "market: {source: synthetic, seed: 1, speed: \"1\"}\n"
                                    "strategy: {name: ensemble}\nunits: {}\n",
                                    0644)
                    .ok());
    launch_ = {.overrides = {"strategy.name=exerciser", "strategy.hold=5s", "market.source=recording:/s/market/a.gz"},
               .port_offset = 5000,
               .asked = {"strategy.name=exerciser", "strategy.hold=5s"},
               .market = "recording:/home/a.gz"};
    manifest_ = config::Manifest::Load(path, launch_.overrides, launch_.port_offset);
  }

  std::vector<std::string> Compare(const UpOptions& options, const std::string& market = {}, int offset = 0) {
    const auto differences = Differences(options, market, offset, launch_, manifest_.value());
    EXPECT_TRUE(differences.ok()) << differences.error().message;
    return differences.ok() ? differences.value() : std::vector<std::string>{"?"};
  }

  quantum::testing::TemporaryDirectory directory_{"options"};
  Launch launch_;
  Result<config::Manifest> manifest_ = Error{};
};

TEST_F(RunningOptions, ThatAreTheSameAreNoDifference) {
  EXPECT_THAT(Compare({}), IsEmpty());
  EXPECT_THAT(Compare({.market = "recording:a.gz", .speed = "1", .strategy = "exerciser", .set = {"market.seed=1"}},
                      "recording:/home/a.gz", 5000),
              IsEmpty());
}

TEST_F(RunningOptions, ThatDifferAreNamedWithWhatItRunsWith) {
  EXPECT_THAT(Compare({.market = "synthetic", .speed = "max", .strategy = "ensemble", .set = {"market.seed=7"}},
                      "synthetic", 6000),
              ElementsAre("--port-offset 6000 (it runs with 5000)",
                          "--market synthetic (it runs with recording:/home/a.gz)", "--speed max (it runs with 1)",
                          "--strategy ensemble (it runs with exerciser)", "--set market.seed=7 (it runs with 1)"));
  EXPECT_THAT(Compare({.market = "recording:a.gz", .speed = {}, .strategy = {}, .set = {}}, "recording:/other/a.gz"),
              ElementsAre("--market recording:a.gz (it runs with recording:/home/a.gz)"))
      << "another file of the same name";
  EXPECT_THAT(Compare({.market = {}, .speed = {}, .strategy = {}, .set = {"strategy.rate=3"}}),
              ElementsAre("--set strategy.rate=3 (it runs with its default)"));
}

TEST_F(RunningOptions, ThatNoPlatformCouldHaveAreRefused) {
  const auto refused = Differences({.market = {}, .speed = {}, .strategy = {}, .set = {"mode=PAPIER"}}, "", 0, launch_,
                                   manifest_.value());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::kInvalidArgument);
}

}  // namespace
}  // namespace quantum::operate
