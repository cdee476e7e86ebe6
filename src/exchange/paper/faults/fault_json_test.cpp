#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/paper/faults/fault.h"

namespace quantum::paper {
namespace {

using ::testing::HasSubstr;
using trading::operator""_dec;

TEST(FaultJson, TakesTheNameAloneAndFillsInTheRest) {
  const auto spec = ParseFault(R"({"name":"latency"})");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->seed, 1u);
  EXPECT_EQ(spec->share, "1"_dec);
  EXPECT_EQ(spec->count, 0);
  EXPECT_EQ(spec->parameters.at("ms"), "200"_dec);
  EXPECT_EQ(spec->parameters.at("tail_share"), "0.05"_dec);
}

TEST(FaultJson, TakesEverythingThatCanBeSaid) {
  const auto spec = ParseFault(
      R"({"name":"no-answer","seed":7,"share":0.25,"match":{"method":"POST","path":"/fapi/v1/order","symbol":"BTCUSDT"},
          "count":3,"for_ms":2000,"parameters":{"acted":0}})");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->seed, 7u);
  EXPECT_EQ(spec->share, "0.25"_dec);
  EXPECT_EQ(spec->match.method, "POST");
  EXPECT_EQ(spec->match.symbol, "BTCUSDT");
  EXPECT_EQ(spec->count, 3);
  EXPECT_EQ(spec->for_ms, 2000);
  EXPECT_EQ(spec->parameters.at("acted"), "0"_dec);
}

TEST(FaultJson, ComplainsAboutTheKeyThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "body: a JSON object"},
      {"{", "body: a JSON object"},
      {"{}", "name: there are latency"},
      {R"({"name":"sabotage"})", "name: there are latency"},
      {R"({"name":"outage","seed":-1})", "seed: a whole number"},
      {R"({"name":"outage","share":0})", "share: must be above 0"},
      {R"({"name":"outage","share":1.5})", "share: must be above 0"},
      {R"({"name":"outage","share":"much"})", "share: a number"},
      {R"({"name":"outage","count":1.5})", "count: a whole number"},
      {R"({"name":"outage","for_ms":3600001})", "for_ms: a whole number"},
      {R"({"name":"outage","because":1})", "because: unknown"},
      {R"({"name":"outage","match":7})", "match: an object"},
      {R"({"name":"outage","match":{"event":"ORDER_TRADE_UPDATE"}})", "match.event: outage does not look at it"},
      {R"({"name":"events-lost","match":{"path":"/x"}})", "match.path: events-lost does not look at it"},
      {R"({"name":"streams-cut","match":{"path":"/x"}})", "match.path: of streams there are"},
      {R"({"name":"reject","match":{"path":7}})", "match.path: a text"},
      {R"({"name":"outage","parameters":{"ms":1}})", "parameters.ms: outage has no such parameter"},
      {R"({"name":"late-answer","parameters":{"ms":-1}})", "parameters.ms: must be from 0 to 600000"},
      {R"({"name":"late-answer","parameters":{"ms":true}})", "parameters.ms: a number"},
      {R"({"name":"listen-key-expired","match":{"symbol":"BTCUSDT"}})", "match.symbol: listen-key-expired does not"},
      {R"({"name":"liquidation-now"})", "match.symbol: liquidation-now is about one symbol"},
      {R"({"name":"symbol-halted"})", "match.symbol: symbol-halted is about one symbol"}};
  for (const auto& [text, complaint] : cases) {
    const auto spec = ParseFault(text);
    ASSERT_FALSE(spec.ok()) << text;
    EXPECT_EQ(spec.error().code, Errc::kInvalidArgument) << text;
    EXPECT_THAT(spec.error().message, HasSubstr(complaint)) << text;
  }
}

TEST(FaultJson, EveryKindIsTakenByItsNameAndHasAWordOnItself) {
  for (const FaultKind& kind : FaultKinds()) {
    const std::string match = kind.needs_symbol ? R"(,"match":{"symbol":"BTCUSDT"})" : "";
    EXPECT_TRUE(ParseFault(R"({"name":")" + std::string(kind.name) + "\"" + match + "}").ok()) << kind.name;
    EXPECT_FALSE(kind.what.empty()) << kind.name;
    EXPECT_EQ(FindFaultKind(kind.name), &kind) << "named twice: " << kind.name;
  }
}

}  // namespace
}  // namespace quantum::paper
