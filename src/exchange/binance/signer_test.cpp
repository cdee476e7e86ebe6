#include "exchange/binance/signer.h"

#include <gtest/gtest.h>

#include "exchange/binance/parameters.h"

namespace quantum::binance {
namespace {

constexpr std::string_view kSecret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";

// The LTCBTC example of Binance's spot documentation.
TEST(Signer, SignsTheDocumentedExampleAsDocumented) {
  EXPECT_EQ(HmacSha256Hex(kSecret,
                          "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
                          "&timestamp=1499827319559"),
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
}

TEST(Signer, KeepsNothingOfTheSecretBefore) {
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_EQ(HmacSha256Hex("one", "message"), "e8bf0b27fef1d12726e4556899ecc1735a89bb9fafd1c837c422ce499dfdbc27");
    EXPECT_EQ(HmacSha256Hex("one", "another"), "8e82459d4a672613c617ce2db73119982e336d5aad4922253ad24e885be1a109");
    EXPECT_EQ(HmacSha256Hex("other", "message"), "0f0ac69f7223d69f9bf77ab4a96b72776352baaf822994b6b8cefd966e9ace02");
    EXPECT_EQ(HmacSha256Hex("", "message"), "eb08c1f56d5ddee07f7bdf80468083da06b64cf4fac64fe3a90883df5feacae4");
  }
}

TEST(Parameters, AreSignedAsTheyAreSent) {
  Parameters parameters;
  parameters.Add("symbol", "LTCBTC").Add("side", "BUY").Add("type", "LIMIT").Add("timeInForce", "GTC");
  parameters.Add("quantity", trading::Decimal::FromInt(1)).Add("price", *trading::Decimal::Parse("0.10"));
  parameters.Sign(kSecret, 1499827319559, 5000);
  EXPECT_EQ(parameters.text(),
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
            "&timestamp=1499827319559&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
}

TEST(Parameters, ArePercentEncodedBeforeTheSignature) {
  EXPECT_EQ(Parameters().Add("a", "x y&z=ü").text(), "a=x%20y%26z%3D%C3%BC");
  EXPECT_EQ(Parameters().Add("flag", true).Add("n", int64_t{-5}).text(), "flag=true&n=-5");
}

}  // namespace
}  // namespace quantum::binance
