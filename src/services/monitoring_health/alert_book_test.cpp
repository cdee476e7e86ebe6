#include "services/monitoring_health/alert_book.h"

#include <gmock/gmock.h>

#include <ostream>

namespace quantum::monitoring_health {
namespace {

using namespace std::chrono_literals;

const WallTime kStart(std::chrono::seconds(1'700'000'000));

// One letter a round: b(ad), g(ood), ?(unknown). The answer has a letter a round too: R(aised), C(leared), '.' for
// none.
std::string Play(AlertBook& book, std::string_view findings, WallTime start = kStart) {
  std::string changes;
  for (const char c : findings) {
    const Finding finding = c == 'b' ? Finding::kBad : c == 'g' ? Finding::kGood : Finding::kUnknown;
    const auto change =
        book.Observe("service_down:execution", finding, Severity::kCritical, "execution is down", start);
    changes += !change ? '.' : change->kind == Change::Kind::kRaised ? 'R' : 'C';
    start += 5s;
  }
  return changes;
}

struct Case {
  const char* name;
  const char* findings;
  const char* changes;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class AlertDamping : public testing::TestWithParam<Case> {};

TEST_P(AlertDamping, RaisesOnceAndClearsOncePerOutage) {
  AlertBook book;
  EXPECT_EQ(Play(book, GetParam().findings), GetParam().changes);
}

INSTANTIATE_TEST_SUITE_P(Rounds, AlertDamping,
                         testing::Values(Case{"GoodRoundsSayNothing", "ggggg", "....."},
                                         Case{"OneBadRoundIsNoOutage", "gbgbg", "....."},
                                         Case{"TheSecondBadRoundRaises", "bb", ".R"},
                                         Case{"ALongOutageIsRaisedOnce", "bbbbbbbb", ".R......"},
                                         Case{"OneGoodRoundDoesNotClear", "bbgbgb", ".R...."},
                                         Case{"TheSecondGoodRoundClears", "bbbgg", ".R..C"},
                                         Case{"FlappingEveryRoundIsOneOutageUntilItEnds", "bbgbgbgbgg", ".R.......C"},
                                         Case{"ASecondOutageIsRaisedAgain", "bbggbbgg", ".R.C.R.C"},
                                         Case{"UnknownRoundsCountForNeitherSide", "b?b??g?g", "..R....C"}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(AlertBook, TellsWhenTheOutageBeganAndEndedRatherThanWhenItWasNoticed) {
  AlertBook book;
  Play(book, "bbgg");
  ASSERT_EQ(book.recently_cleared().size(), 1u);
  const Alert& alert = book.recently_cleared().front();
  EXPECT_EQ(alert.since, kStart);
  EXPECT_EQ(alert.cleared, kStart + 10s);
}

TEST(AlertBook, KeepsTheNewestSummaryOfAnOutageWithoutAChange) {
  AlertBook book;
  Play(book, "bb");
  EXPECT_FALSE(book.Observe("service_down:execution", Finding::kBad, Severity::kCritical, "refused", kStart + 1min));
  ASSERT_EQ(book.Active().size(), 1u);
  EXPECT_EQ(book.Active().front().summary, "refused");
  EXPECT_EQ(book.Active().front().since, kStart);
}

TEST(AlertBook, TakesAFactAtOnceAndOnlyOnce) {
  AlertBook book;
  EXPECT_TRUE(book.Raise("ess_tripped", Severity::kCritical, "drawdown", kStart));
  EXPECT_FALSE(book.Raise("ess_tripped", Severity::kCritical, "drawdown, redelivered", kStart + 1s));
  EXPECT_TRUE(book.Clear("ess_tripped", kStart + 2s));
  EXPECT_FALSE(book.Clear("ess_tripped", kStart + 3s));
}

TEST(AlertBook, ClearsAFactThatTwoRoundsFoundGone) {
  AlertBook book;
  book.Raise("service_down:execution", Severity::kCritical, "an event said so", kStart);
  EXPECT_EQ(Play(book, "gbgg"), "...C");
}

TEST(AlertBook, RemembersABoundedNumberOfClearedAlertsNewestFirst) {
  AlertBook book({.recent_max = 2});
  for (const char* key : {"a", "b", "c"}) {
    book.Raise(key, Severity::kWarning, "", kStart);
    book.Clear(key, kStart + 1s);
  }
  ASSERT_EQ(book.recently_cleared().size(), 2u);
  EXPECT_EQ(book.recently_cleared()[0].key, "c");
  EXPECT_EQ(book.recently_cleared()[1].key, "b");
}

TEST(AlertBook, CarriesAnOutageOverARestartWithoutRaisingItAgain) {
  AlertBook before;
  Play(before, "bb");
  AlertBook after;
  ASSERT_TRUE(after.Restore(before.Save()).ok());
  EXPECT_EQ(Play(after, "bbgg", kStart + 1min), "...C");
  EXPECT_EQ(after.recently_cleared().front().since, kStart);
}

TEST(AlertBook, RefusesSavedAlertsThatAreNone) {
  for (const char* text :
       {"", "{}", "[1]", R"([{"key": "a"}])", R"([{"key": "a", "severity": "odd", "since": "x"}])"}) {
    AlertBook book;
    EXPECT_FALSE(book.Restore(text).ok()) << text;
    EXPECT_TRUE(book.Active().empty());
  }
}

TEST(AlertBook, NamesTheKeysItFollowsByTheirBeginning) {
  AlertBook book({.raise_after = 1, .clear_after = 1});
  for (const char* key : {"service_degraded:execution", "service_degraded:execution:halt",
                          "service_degraded:execution:unprotected", "service_degraded:executioner:halt"}) {
    book.Observe(key, Finding::kBad, Severity::kWarning, "x", kStart);
  }
  EXPECT_THAT(book.Tracked("service_degraded:execution:"),
              testing::ElementsAre("service_degraded:execution:halt", "service_degraded:execution:unprotected"));
  book.Observe("service_degraded:execution:halt", Finding::kGood, Severity::kWarning, "", kStart);
  EXPECT_THAT(book.Tracked("service_degraded:execution:"),
              testing::ElementsAre("service_degraded:execution:unprotected"));
}

}  // namespace
}  // namespace quantum::monitoring_health
