#include "platform/log/json_text.h"

#include <gtest/gtest.h>

namespace quantum::log {
namespace {

TEST(JsonText, EscapesWhatJsonAndASingleLineCannotHold) {
  EXPECT_EQ(JsonQuote("a\"b\\c\n\r\t\x01\x7F"), R"("a\"b\\c\n\r\t\u0001\u007f")");
  EXPECT_EQ(JsonQuote(""), R"("")");
}

TEST(JsonText, KeepsUtf8AndReplacesBrokenBytes) {
  EXPECT_EQ(JsonQuote("€ 😀 ü"), "\"€ 😀 ü\"");
  EXPECT_EQ(JsonQuote("a\xFF\xC3(b"), "\"a\xEF\xBF\xBD\xEF\xBF\xBD(b\"");
  EXPECT_EQ(JsonQuote("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");  // a surrogate
  EXPECT_EQ(JsonQuote("\xE2\x82"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");                  // cut off
  EXPECT_TRUE(IsUtf8("€"));
  EXPECT_FALSE(IsUtf8("\xC0\xAF"));  // overlong
}

TEST(JsonText, UnescapesEveryEscapeAndRefusesBrokenOnes) {
  EXPECT_EQ(JsonUnescape(R"(a\"\\\/\b\f\n\r\t\u20ac\ud83d\ude00)"), "a\"\\/\b\f\n\r\t€😀");
  EXPECT_EQ(JsonUnescape(R"(\ud83d!)"), "\xEF\xBF\xBD!");
  EXPECT_FALSE(JsonUnescape(R"(\x)"));
  EXPECT_FALSE(JsonUnescape(R"(\u12)"));
  EXPECT_FALSE(JsonUnescape("\\"));
}

TEST(JsonText, ALineIsOneObjectInTheOrderOfItsKeys) {
  JsonLine line;
  line.String("b", "x");
  line.Raw("a", "[1]");
  EXPECT_EQ(std::move(line).Take(), R"({"b": "x", "a": [1]})");
}

}  // namespace
}  // namespace quantum::log
