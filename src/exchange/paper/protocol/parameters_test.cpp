#include "exchange/paper/protocol/parameters.h"

#include <gtest/gtest.h>

namespace quantum::paper {
namespace {

// The example of Binance's documentation ("SIGNED Endpoint Examples for POST /api/v3/order").
constexpr std::string_view kSecret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
constexpr std::string_view kQuery =
    "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
constexpr std::string_view kSignature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";

TEST(Signature, MatchesTheDocumentedExampleInQueryAndInBody) {
  EXPECT_EQ(HmacSha256Hex(kSecret, kQuery), kSignature);
  const std::string with = std::string(kQuery) + "&signature=" + std::string(kSignature);
  EXPECT_EQ(SignatureMatches(kSecret, with, ""), true);
  EXPECT_EQ(SignatureMatches(kSecret, "", with), true);
}

TEST(Signature, SignsTheQueryFollowedByTheBodyWithoutASeparator) {
  const std::string signature = HmacSha256Hex(kSecret, "a=1b=2");
  EXPECT_EQ(SignatureMatches(kSecret, "a=1", "b=2&signature=" + signature), true);
  EXPECT_EQ(SignatureMatches(kSecret, "a=1", "b=3&signature=" + signature), false);
  EXPECT_EQ(SignatureMatches(kSecret, "a=1", "b=2"), std::nullopt);
}

TEST(Parameters, PreferTheQueryAndDecodeEscapes) {
  Parameters parameters("symbol=BTC%55SDT", "symbol=ETHUSDT&side=BUY");
  EXPECT_EQ(parameters.Text("symbol"), "BTCUSDT");
  EXPECT_EQ(parameters.Text("side"), "BUY");
  EXPECT_FALSE(parameters.error());
}

TEST(Parameters, KeepTheFirstComplaint) {
  Parameters parameters("limit=x&quantity=0.123456789", "");
  EXPECT_EQ(parameters.Int("limit"), 0);
  EXPECT_EQ(parameters.Number("quantity"), trading::Decimal());
  ASSERT_TRUE(parameters.error());
  EXPECT_EQ(parameters.error()->code, -1102);
}

}  // namespace
}  // namespace quantum::paper
