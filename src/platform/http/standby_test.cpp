#include "platform/http/standby.h"

#include <gtest/gtest.h>

namespace quantum::http {
namespace {

const std::string kFirst = "http://127.0.0.1:8002/orders?limit=1";
const std::string kSecond = "http://127.0.0.1:8012/orders?limit=1";

Standbys Pair() {
  const std::map<std::string, std::string> pairs{{"http://127.0.0.1:8002", "http://127.0.0.1:8012"}};
  return Standbys(pairs);
}
Response NotLeader() { return Problem(503, "NOT_LEADER", "another process of this service does the work"); }

TEST(Standbys, AServiceWithoutOneIsAskedAsItIs) {
  const auto route = Pair().RouteOf("http://127.0.0.1:8003/x");
  EXPECT_EQ(route.first, "http://127.0.0.1:8003/x");
  EXPECT_EQ(route.second, "");
}

TEST(Standbys, TheOneThatWorkedLastIsAskedFirst) {
  Standbys standbys = Pair();
  EXPECT_EQ(standbys.RouteOf(kFirst).first, kFirst);
  EXPECT_EQ(standbys.RouteOf(kFirst).second, kSecond);
  standbys.OnAnswer(kFirst, NotLeader());
  standbys.OnAnswer(kSecond, Response{.status = 200});
  EXPECT_EQ(standbys.RouteOf(kFirst).first, kSecond);
  EXPECT_EQ(standbys.RouteOf(kFirst).second, kFirst);
  standbys.OnAnswer(kSecond, Response{.status = 422});
  EXPECT_EQ(standbys.RouteOf(kFirst).first, kSecond) << "a refusal is work";
  standbys.OnAnswer(kSecond, NotLeader());
  EXPECT_EQ(standbys.RouteOf(kFirst).first, kFirst);
}

TEST(Standbys, OneThatIsStoppedIsAskedLastFromThenOn) {
  Standbys standbys = Pair();
  standbys.OnAnswer(kFirst, Error{Errc::kUnknownOutcome, "no answer"});
  EXPECT_EQ(standbys.RouteOf(kFirst).first, kSecond);
}

TEST(Standbys, OnlyWhatDidNothingForCertainIsAskedAgain) {
  EXPECT_TRUE(Standbys::DidNothing(NotLeader()));
  EXPECT_TRUE(Standbys::DidNothing(Problem(503, "STARTING", "")));
  EXPECT_TRUE(Standbys::DidNothing(Problem(503, "DRAINING", "")));
  EXPECT_TRUE(Standbys::DidNothing(Error{Errc::kUnavailable, "connection refused"}));
  EXPECT_FALSE(Standbys::DidNothing(Problem(503, "UNAVAILABLE", "Postgres is away")));
  EXPECT_FALSE(Standbys::DidNothing(Error{Errc::kUnknownOutcome, "sent, and no answer"}));
  EXPECT_FALSE(Standbys::DidNothing(Error{Errc::kTimeout, "busy"}));
  EXPECT_FALSE(Standbys::DidNothing(Response{.status = 200, .body = "\"NOT_LEADER\""}));
}

}  // namespace
}  // namespace quantum::http
