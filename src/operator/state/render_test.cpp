#include "operator/state/render.h"

#include <gtest/gtest.h>

#include <ostream>

namespace quantum::operate {
namespace {

const Variables kVariables{.plain = {{"PORT", "6379"}, {"ETC", "/state/etc"}}, .secret = {{"SECRET_A", "hunter2"}}};

struct Case {
  const char* name;
  const char* text;
  const char* expected;
  bool has_secret;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class RenderTable : public ::testing::TestWithParam<Case> {};

TEST_P(RenderTable, ReplacesVariablesOnly) {
  const auto rendered = Render(GetParam().text, kVariables, "file");
  ASSERT_TRUE(rendered.ok()) << rendered.error().message;
  EXPECT_EQ(rendered->text, GetParam().expected);
  EXPECT_EQ(rendered->has_secret, GetParam().has_secret);
}

INSTANTIATE_TEST_SUITE_P(Cases, RenderTable,
                         ::testing::Values(Case{"Plain", "port ${PORT};", "port 6379;", false},
                                           Case{"Twice", "${ETC}${PORT}", "/state/etc6379", false},
                                           Case{"Secret", "pass ${SECRET_A}", "pass hunter2", true},
                                           Case{"NginxVariable", "$host ${host}", "$host ${host}", false},
                                           Case{"ShellDefault", "${PORT:-1} $PORT", "${PORT:-1} $PORT", false},
                                           Case{"Unclosed", "a ${PORT", "a ${PORT", false},
                                           Case{"Empty", "", "", false}),
                         [](const auto& test) { return test.param.name; });

TEST(Render, NamesFileAndLineOfAnUnknownVariable) {
  const auto rendered = Render("one\ntwo\n ${NOPE}\n", kVariables, "infra/x.conf");
  ASSERT_FALSE(rendered.ok());
  EXPECT_EQ(rendered.error().message, "infra/x.conf:3: there is no variable ${NOPE}; infra/README.md lists them");
}

TEST(Render, RefusesASecretInACommand) {
  EXPECT_TRUE(RenderPlain("${PORT}", kVariables, "unit a").ok());
  const auto rendered = RenderPlain("--password=${SECRET_A}", kVariables, "unit a");
  ASSERT_FALSE(rendered.ok());
  EXPECT_EQ(rendered.error().message.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace quantum::operate
