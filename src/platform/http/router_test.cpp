#include "platform/http/router.h"

#include <gtest/gtest.h>

namespace quantum::http {
namespace {

Router Sample() {
  Router router;
  router.Add("GET", "/health", 1);
  router.Add("GET", "/api/execution/orders", 2);
  router.Add("POST", "/api/execution/orders", 3);
  router.Add("GET", "/api/execution/orders/{id}", 4);
  router.Add("GET", "/api/execution/orders/open", 5);
  router.Add("PUT", "/api/{service}/keys/{key}", 6);
  router.Add("GET", "/", 7);
  return router;
}

using Parameters = std::vector<std::pair<std::string, std::string>>;

TEST(Router, FindsLiteralPathsByMethod) {
  const Router router = Sample();
  EXPECT_EQ(router.Find("GET", "/health").route, 1u);
  EXPECT_EQ(router.Find("GET", "/api/execution/orders").route, 2u);
  EXPECT_EQ(router.Find("POST", "/api/execution/orders").route, 3u);
  EXPECT_EQ(router.Find("GET", "/").route, 7u);
}

TEST(Router, CapturesParametersDecoded) {
  const Router router = Sample();
  const auto match = router.Find("PUT", "/api/a%20b/keys/x%2Fy");
  EXPECT_EQ(match.route, 6u);
  EXPECT_EQ(match.parameters, (Parameters{{"service", "a b"}, {"key", "x/y"}}));
}

TEST(Router, PrefersALiteralSegmentToAParameter) {
  const Router router = Sample();
  EXPECT_EQ(router.Find("GET", "/api/execution/orders/open").route, 5u);
  EXPECT_EQ(router.Find("GET", "/api/execution/orders/opened").route, 4u);
}

TEST(Router, GoesBackToTheParameterWhenTheLiteralBranchEnds) {
  Router router;
  router.Add("GET", "/a/b/c", 1);
  router.Add("GET", "/a/{x}/d", 2);
  const auto match = router.Find("GET", "/a/b/d");
  EXPECT_EQ(match.route, 2u);
  EXPECT_EQ(match.parameters, (Parameters{{"x", "b"}}));
}

TEST(Router, AnswersHeadByTheRouteOfGet) {
  EXPECT_EQ(Sample().Find("HEAD", "/health").route, 1u);
  EXPECT_FALSE(Sample().Find("HEAD", "/api/x/keys/y").route);
}

TEST(Router, NamesTheAllowedMethodsOfAKnownPath) {
  const auto match = Sample().Find("DELETE", "/api/execution/orders");
  EXPECT_FALSE(match.route);
  EXPECT_EQ(match.allowed, "GET, HEAD, POST");
}

TEST(Router, DecodesEscapesInLiteralSegments) { EXPECT_EQ(Sample().Find("GET", "/he%61lth").route, 1u); }

class UnknownPath : public testing::TestWithParam<const char*> {};
TEST_P(UnknownPath, IsNotFound) {
  const auto match = Sample().Find("GET", GetParam());
  EXPECT_FALSE(match.route);
  EXPECT_EQ(match.allowed, "");
}
INSTANTIATE_TEST_SUITE_P(Router, UnknownPath,
                         testing::Values("", "*", "health", "/health/", "/healthy", "/api/execution/orders/",
                                         "/api/execution/orders/1/2", "//health", "/%zz", "/he%00lth", "/%2fhealth"));

TEST(Router, FallsBackToTheStarOfThatMethod) {
  Router router = Sample();
  router.Add("GET", "*", 9);
  EXPECT_EQ(router.Find("GET", "/no/such").route, 9u);
  EXPECT_EQ(router.Find("GET", "*").route, 9u);
  EXPECT_FALSE(router.Find("POST", "/no/such").route);
  EXPECT_EQ(router.Find("GET", "/health").route, 1u);
}

TEST(Router, SurvivesAPathOfManySegments) { EXPECT_FALSE(Sample().Find("GET", std::string(100'000, '/')).route); }

TEST(RouterDeathTest, RefusesTheSameRouteTwice) {
  Router router = Sample();
  EXPECT_DEATH(router.Add("GET", "/health", 8), "name != method");
}

}  // namespace
}  // namespace quantum::http
