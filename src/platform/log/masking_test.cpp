#include "platform/log/masking.h"

#include <gtest/gtest.h>

namespace quantum::log {
namespace {

TEST(Masker, KnowsSecretKeysHoweverTheyAreWritten) {
  const Masker masker({"pin-code"});
  for (const char* key : {"api_key", "API-KEY", "X-MBX-APIKEY", "newApiKey", "secret", "client_secret", "db_password",
                          "PASSWORD", "token", "refreshToken", "Authorization", "Proxy-Authorization", "credentials",
                          "signature", "listenKey", "listen_key", "api%5Fkey", "PIN_CODE", "pinCode"}) {
    EXPECT_TRUE(masker.IsSecretKey(key)) << key;
  }
  for (const char* key : {"symbol", "key", "client_order_id", "price", "author", "sign", "pass", "listen"}) {
    EXPECT_FALSE(masker.IsSecretKey(key)) << key;
  }
}

struct TextCase {
  const char* text;
  const char* masked;
};

TEST(Masker, MasksTextByTable) {
  const Masker masker;
  const TextCase cases[] = {
      {"token=abc", "token=***REDACTED***"},
      {"token = abc next", "token = ***REDACTED*** next"},
      {"login with password: hunter2 failed", "login with password: ***REDACTED*** failed"},
      {"Authorization: Bearer abc.def", "Authorization: ***REDACTED***"},
      {"Authorization: Basic dXNlcg== x=1", "Authorization: ***REDACTED*** x=1"},
      {"Authorization: Digest username=\"u\", response=\"r\"\r\nHost: x", "Authorization: ***REDACTED***\r\nHost: x"},
      {"X-MBX-APIKEY: abc\r\nHost: x", "X-MBX-APIKEY: ***REDACTED***\r\nHost: x"},
      {"\"password\": \"a b\", \"x\": 1", "\"password\": \"***REDACTED***\", \"x\": 1"},
      {"'password': 'a b'", "'password': '***REDACTED***'"},
      {"{\\\"password\\\": \\\"a b\\\"}", "{\\\"password\\\": \\\"***REDACTED***\\\"}"},
      {"body {\"token\":123,\"b\":1}", "body {\"token\":***REDACTED***,\"b\":1}"},
      {"body {\"secret\":{\"a\":\"}\",\"b\":[1]},\"c\":1}", "body {\"secret\":***REDACTED***,\"c\":1}"},
      {"cut {\"secret\":{\"a\":\"b", "cut {\"secret\":***REDACTED***"},
      {"cut \"secret\":\"a b", "cut \"secret\":\"***REDACTED***"},
      {"/api?symbol=X&signature=ab12&recvWindow=5", "/api?symbol=X&signature=***REDACTED***&recvWindow=5"},
      {"q=%7B%22token%22%3A%22abc%22%7D&b=1", "q=%7B%22token%22%3A***REDACTED***&b=1"},
      {"postgres://quantum:pw@127.0.0.1/db", "postgres://***REDACTED***@127.0.0.1/db"},
      {"see https://user@host/a@b", "see https://***REDACTED***@host/a@b"},
      {"wss://host/ws/aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee", "wss://host/ws/***REDACTED***"},
      {"sent Bearer eyJhbGciOiJIUzI1NiJ9.x", "sent Bearer ***REDACTED***"},
      {"{\"a\": {\"api_key\": [1, 2]}}", "{\"a\": {\"api_key\": \"***REDACTED***\"}}"},
      {"token=***REDACTED***", "token=***REDACTED***"},
      {"secret => abc", "secret => ***REDACTED***"},
      {"tokens a=b&token=c&token=d", "tokens a=b&token=***REDACTED***&token=***REDACTED***"},
  };
  for (const TextCase& c : cases) {
    EXPECT_EQ(masker.MaskText(c.text), c.masked);
  }
}

TEST(Masker, LeavesOrdinaryTextAlone) {
  const Masker masker;
  for (const char* text :
       {"", "order sent", "GET /api/market/price?symbol=BTCUSDT: 200 in 1.2 ms", "2026-11-23T14:53:20.123Z",
        "http://127.0.0.1:8001/health", "the token expired", "bearer of bad news", "a=b c:d e==f",
        "wss://host/ws/btcusdt@kline_1m", "100% = 1", "key: value", "secret", "token=", "password: "}) {
    EXPECT_EQ(masker.MaskText(text), text);
  }
}

TEST(Masker, MasksJsonAtAnyDepthAndKeepsTheRestByteForByte) {
  const Masker masker;
  EXPECT_EQ(masker.MaskJson(R"({ "a":1.0e5,  "b":[{"db_password":"x"}] ,"c":12345678901234567890})"),
            R"({ "a":1.0e5,  "b":[{"db_password":"***REDACTED***"}] ,"c":12345678901234567890})");
  EXPECT_EQ(masker.MaskJson(R"({"pass\u0077ord": "x"})"), R"({"pass\u0077ord": "***REDACTED***"})");
  EXPECT_EQ(masker.MaskJson(R"({"headers": ["Authorization: Bearer x"]})"),
            R"({"headers": ["Authorization: ***REDACTED***"]})");
  EXPECT_EQ(masker.MaskJson(R"({"payload": "{\"token\": \"x\", \"n\": 1}"})"),
            R"({"payload": "{\"token\": \"***REDACTED***\", \"n\": 1}"})");
}

TEST(Masker, TextThatIsNotJsonIsMaskedAsText) {
  const Masker masker;
  EXPECT_EQ(masker.MaskJson("{\"token\": \"abc\""), "{\"token\": \"***REDACTED***\"");
  EXPECT_EQ(masker.MaskJson("{a: 01}"), "{a: 01}");
  EXPECT_EQ(masker.MaskJson(std::string(10'000, '[')), std::string(10'000, '['));
}

}  // namespace
}  // namespace quantum::log
