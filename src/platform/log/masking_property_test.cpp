#include <gtest/gtest.h>
#include <rapidcheck.h>
// Needs GoogleTest first.
#include <rapidcheck/gtest.h>

#include <boost/json.hpp>

#include "platform/log/masking.h"

// Whatever the nesting, a secret never comes out, and what is not secret comes out as it went in.
namespace quantum::log {
namespace {

namespace json = boost::json;

rc::Gen<std::string> Characters(const std::string& alphabet, size_t length_min, size_t length_max) {
  return rc::gen::mapcat(rc::gen::inRange(length_min, length_max + 1), [alphabet](size_t length) {
    return rc::gen::container<std::string>(length, rc::gen::elementOf(alphabet));
  });
}

std::string Printable() {
  std::string all;
  for (char c = ' '; c <= '~'; ++c) {
    all.push_back(c);
  }
  return all;
}

rc::Gen<std::string> SecretKey() {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::element<std::string>("", "db_", "new", "X-MBX-", "my."),
                     rc::gen::element<std::string>("api_key", "ApiKey", "secret", "PASSWORD", "token", "Authorization",
                                                   "credentials", "signature", "listenKey", "listen-key"),
                     rc::gen::element<std::string>("", "_old", "2", "Value")),
      [](const auto& parts) { return std::get<0>(parts) + std::get<1>(parts) + std::get<2>(parts); });
}

rc::Gen<std::string> PlainKey() {
  return rc::gen::element<std::string>("symbol", "price", "orders", "note", "a b", "url", "x-y", "\"quoted\"", "", "ü");
}

// Text that a secret may be made of when nothing but a key tells that it is one.
const std::string kTokenAlphabet = "ABCXYZabcxyz0123456789_-./+";

struct Wrapped {
  std::string text;  // JSON that holds the secret somewhere
  std::string secret;
};

// Wraps a value into objects, arrays and strings of JSON, `depth` times.
json::value Wrap(json::value value, int depth) {
  for (int i = 0; i < depth; ++i) {
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        value = json::object{{"before", 1}, {*PlainKey(), std::move(value)}, {"after", "x"}};
        break;
      case 1:
        value = json::array{*Characters(Printable(), 0, 12), std::move(value), nullptr, 2.5};
        break;
      case 2:
        value = json::value(json::serialize(value));
        break;
      default:
        value = json::object{{*PlainKey(), json::array{std::move(value)}}};
    }
  }
  return value;
}

RC_GTEST_PROP(MaskerProperty, ASecretInJsonNeverComesOut, ()) {
  // The prefix makes a chance occurrence of the secret elsewhere impossible.
  const std::string secret = "S3CR3T" + *Characters(Printable(), 1, 24);
  json::value held(secret);
  if (*rc::gen::arbitrary<bool>()) {
    held = Wrap(std::move(held), *rc::gen::inRange(1, 3));
  }
  json::object holder{{"n", 1}, {*SecretKey(), std::move(held)}, {"m", "y"}};
  const std::string text = json::serialize(Wrap(std::move(holder), *rc::gen::inRange(0, 6)));
  const std::string masked = Masker().MaskJson(text);
  RC_ASSERT(masked.find("S3CR3T") == std::string::npos);
  RC_ASSERT(masked.find(kRedacted) != std::string::npos);
  json::error_code error;
  json::parse(masked, error);
  RC_ASSERT(!error);
  RC_ASSERT(Masker().MaskText(text).find("S3CR3T") == std::string::npos);
  // Cut off anywhere it is no JSON any more, and still nothing comes out.
  const std::string cut = text.substr(0, *rc::gen::inRange<size_t>(0, text.size() + 1));
  RC_ASSERT(Masker().MaskJson(cut).find("S3CR3T") == std::string::npos);
}

RC_GTEST_PROP(MaskerProperty, JsonWithoutSecretsComesOutAsItWentIn, ()) {
  json::value value(*Characters("abcdef ,.;()!?", 0, 30));
  const std::string text = json::serialize(Wrap(std::move(value), *rc::gen::inRange(0, 6)));
  RC_ASSERT(Masker().MaskJson(text) == text);
}

RC_GTEST_PROP(MaskerProperty, ASecretInTextNeverComesOutAndTheRestStays, ()) {
  const std::string secret = "S3CR3T" + *Characters(kTokenAlphabet, 1, 40);
  const std::string before = *Characters("abc xyz,.()", 0, 20);
  const std::string after = *Characters("abc xyz,.()", 0, 20);
  const std::string separator = *rc::gen::element<std::string>("=", ": ", ":", " = ", " => ", "=Bearer ", ": Basic ");
  const std::string quote = *rc::gen::element<std::string>("", "\"", "'", "\\\"");
  const std::string text = before + " " + *SecretKey() + separator + quote + secret + quote + " " + after;
  const std::string masked = Masker().MaskText(text);
  RC_ASSERT(masked.find("S3CR3T") == std::string::npos);
  RC_ASSERT(masked.substr(0, before.size()) == before);
  RC_ASSERT(masked.size() >= after.size() && masked.substr(masked.size() - after.size()) == after);
}

RC_GTEST_PROP(MaskerProperty, TheUserInfoOfAUrlNeverComesOut, ()) {
  const std::string secret = "S3CR3T" + *Characters(kTokenAlphabet, 1, 40);
  const std::string user_info = "user:" + secret;
  RC_PRE(user_info.find('/') == std::string::npos);
  const std::string text = *Characters("abc xyz", 0, 9) + " redis://" + user_info + "@127.0.0.1:6379/0 done";
  RC_ASSERT(Masker().MaskText(text).find("S3CR3T") == std::string::npos);
}

RC_GTEST_PROP(MaskerProperty, ASecretInAUrlsQueryNeverComesOutAndTheOtherParametersStay, ()) {
  const std::string secret = "S3CR3T" + *Characters("abcXYZ019-_.~%", 1, 40);
  const std::string plain =
      *rc::gen::element<std::string>("symbol", "price", "orderId", "limit") + "=" + *Characters("abc019", 1, 9);
  const std::string held = *SecretKey() + "=" + secret;
  const bool first = *rc::gen::arbitrary<bool>();
  const std::string query = first ? held + "&" + plain : plain + "&" + held;
  const std::string url = "https://fapi.binance.com/fapi/v1/order?" + query;
  const std::string masked = Masker().MaskText("GET " + url + " took 12 ms");
  RC_ASSERT(masked.find("S3CR3T") == std::string::npos);
  RC_ASSERT(masked.find(plain) != std::string::npos);
  RC_ASSERT(masked.ends_with(" took 12 ms"));
}

RC_GTEST_PROP(MaskerProperty, MaskingTwiceChangesNothingMore, ()) {
  const std::string text = *Characters("tokensecret=:\"'\\{}[]&, abcd", 0, 60);
  const std::string once = Masker().MaskText(text);
  RC_ASSERT(Masker().MaskText(once) == once);
}

RC_GTEST_PROP(MaskerProperty, WhateverBytesStandBeforeItASecretNeverComesOut, (const std::string& bytes)) {
  const std::string text = bytes + " password=S3CR3T0123456789 ";
  RC_ASSERT(Masker().MaskText(text).find("S3CR3T") == std::string::npos);
  RC_ASSERT(Masker().MaskJson(text).find("S3CR3T") == std::string::npos);
  RC_ASSERT(Masker().MaskText(text).find(kRedacted) != std::string::npos);
}

}  // namespace
}  // namespace quantum::log
