#include "trading/refusal.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <fstream>
#include <regex>
#include <sstream>

#include "tests/support/checkout/checkout.h"

namespace quantum::trading {
namespace {

std::string Text(Leg leg, OrderStatus status, const char* filled, std::string_view reason) {
  const auto refusal = RefusalOf(leg, status, Decimal::Parse(filled).value(), reason);
  return refusal ? refusal->code + "|" + refusal->detail : "";
}

TEST(Refusal, OfAnOrderIsItsReasonInCodeAndValues) {
  EXPECT_EQ(Text(Leg::kEntry, OrderStatus::kCanceled, "0", "DECISION_EXPIRED: expired_at=5 now=6"),
            "DECISION_EXPIRED|expired_at=5 now=6");
  EXPECT_EQ(Text(Leg::kEntry, OrderStatus::kRejected, "0", "SLIPPAGE_RANGE: max=10 got=11"),
            "SLIPPAGE_RANGE|max=10 got=11");
  EXPECT_EQ(Text(Leg::kEntry, OrderStatus::kRejected, "0", "-2019 Margin is insufficient."),
            "VENUE_REFUSED|-2019 Margin is insufficient.");
  EXPECT_EQ(Text(Leg::kClose, OrderStatus::kCanceled, "0", "NOTHING_TO_CLOSE: position=0 closing=0"),
            "NOTHING_TO_CLOSE|position=0 closing=0");
}

// A guard against slippage is a limit that takes what is there at once: where nothing is, the venue ends it.
TEST(Refusal, AnEntryThatTheVenueEndedUnfilledIsExplainedToo) {
  EXPECT_EQ(Text(Leg::kEntry, OrderStatus::kExpired, "0", ""), "NOT_FILLED|status=EXPIRED filled=0");
}

TEST(Refusal, WhatFilledWasCancelledOnPurposeOrProtectsIsNone) {
  EXPECT_EQ(Text(Leg::kEntry, OrderStatus::kCanceled, "0.1", "HALTED: owner=execution"), "");
  EXPECT_EQ(Text(Leg::kEntry, OrderStatus::kCanceled, "0", ""), "");
  EXPECT_EQ(Text(Leg::kClose, OrderStatus::kCanceled, "0", "SIGNAL"), "");
  EXPECT_EQ(Text(Leg::kEntry, OrderStatus::kNew, "0", ""), "");
  EXPECT_EQ(Text(Leg::kStopLoss, OrderStatus::kCanceled, "0", "NEVER_SENT: its trade is over"), "");
}

TEST(Refusal, ALabelIsOneOfTheList) {
  EXPECT_EQ(RefusalLabel("PRICE_COLLAR"), "PRICE_COLLAR");
  EXPECT_EQ(RefusalLabel("WHATEVER_THE_VENUE_SAYS"), "OTHER");
}

TEST(Refusal, IsWrittenWithItsMeaning) {
  const auto json = boost::json::parse(
      ToJson({{17, "risk-safety-service", "d-1", "BTCUSDT", {"NOTIONAL_EXCEEDS_MAX", "max=1000 got=1200"}}}));
  const auto& item = json.at("items").at(0);
  EXPECT_EQ(item.at("detail").as_string(), "max=1000 got=1200");
  EXPECT_EQ(item.at("meaning").as_string(), MeaningOf("NOTIONAL_EXCEEDS_MAX"));
}

// Whatever the services refuse with stands in the list: their sources are searched for codes.
TEST(Refusal, EveryCodeOfTheServicesHasItsMeaning) {
  const std::string services = checkout::SourceDirectory() + "/src/services/";
  const std::regex code(R"re((?:Refuse|OutOfRange)\("([A-Z_]+)"|Refusal\{"([A-Z_]+)"|"([A-Z]+_?[A-Z_]+): )re");
  size_t found = 0;
  for (const char* file : {"risk_safety/checks.cpp", "risk_safety/decider.cpp", "execution/plan.cpp",
                           "execution/entries.cpp", "execution/sender.cpp", "execution/emergency.cpp"}) {
    std::ifstream in(services + file);
    std::stringstream text;
    text << in.rdbuf();
    const std::string source = text.str();
    ASSERT_FALSE(source.empty()) << file;
    for (std::sregex_iterator it(source.begin(), source.end(), code), end; it != end; ++it) {
      for (size_t group = 1; group < it->size(); ++group) {
        if ((*it)[group].matched) {
          EXPECT_NE(MeaningOf((*it)[group].str()), "") << (*it)[group].str() << " of " << file;
          ++found;
        }
      }
    }
  }
  EXPECT_GT(found, 60u);
}

}  // namespace
}  // namespace quantum::trading
