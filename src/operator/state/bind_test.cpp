#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "operator/state/environment.h"
#include "operator/state/ports.h"
#include "operator/state/render.h"
#include "tests/support/checkout/checkout.h"

// `bind` of the manifest, as docs/runbook.md promises it: services and gateway listen there, the servers on the
// loopback.
namespace quantum::operate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct BindCase {
  const char* name;
  const char* address;
  const char* listens;  // the gateway
  const char* host;     // where everybody on this machine finds the services
};
void PrintTo(const BindCase& one, std::ostream* out) { *out << one.name; }

class Bind : public ::testing::TestWithParam<BindCase> {
 protected:
  Bind()
      : manifest_(config::Manifest::Load(checkout::SourceDirectory() + "/quantum.yml",
                                         {fmt::format("bind=\"{}\"", GetParam().address)}, 5000)
                      .value()) {}

  // A file of infra/ as `up` renders it.
  std::string Rendered(const std::string& file) const {
    Variables variables = PlainVariables(Layout{"/s"}, manifest_);
    const std::string path = checkout::SourceDirectory() + "/infra/" + file;
    const auto rendered = Render(ReadFile(path).value(), variables, path);
    EXPECT_TRUE(rendered.ok()) << rendered.error().message;
    return rendered.ok() ? rendered->text : "";
  }

  config::Manifest manifest_;
};

TEST_P(Bind, IsWhereTheGatewayListensAndWhereItFindsTheServices) {
  const std::string nginx = Rendered("nginx/nginx.conf");
  EXPECT_THAT(nginx, HasSubstr(fmt::format("listen {}:5080 ", GetParam().listens)));
  EXPECT_THAT(nginx, HasSubstr(fmt::format("server {}:13001 ", GetParam().host)));
}

TEST_P(Bind, IsWherePrometheusFindsTheServices) {
  EXPECT_THAT(Rendered("metrics/prometheus.yml"), HasSubstr(fmt::format("\"{}:13007\"", GetParam().host)));
}

TEST_P(Bind, LeavesTheServersOnTheLoopback) {
  EXPECT_EQ(manifest_.AddressOf("redis-1"), "127.0.0.1");
  EXPECT_EQ(manifest_.AddressOf("postgres-1"), "127.0.0.1");
  for (const auto& [file, listens] : {std::pair("postgres/pgbouncer.ini", "listen_addr = 127.0.0.1"),
                                      std::pair("postgres/haproxy.cfg", "bind 127.0.0.1:10000"),
                                      std::pair("postgres/etcd.yml", "listen-client-urls: https://127.0.0.1:7379")}) {
    EXPECT_THAT(Rendered(file), HasSubstr(listens));
    EXPECT_THAT(Rendered(file), Not(HasSubstr(GetParam().address)));
  }
}

TEST_P(Bind, IsAnOriginThatTheGatewayAllows) {
  EXPECT_THAT(OriginsOverride(manifest_), HasSubstr(fmt::format("\"http://{}:5080\"", GetParam().host)));
}

INSTANTIATE_TEST_SUITE_P(Addresses, Bind,
                         ::testing::Values(BindCase{"AnotherOne", "192.0.2.2", "192.0.2.2", "192.0.2.2"},
                                           BindCase{"Everything", "0.0.0.0", "0.0.0.0", "127.0.0.1"},
                                           BindCase{"LoopbackOfIpv6", "::1", "[::1]", "[::1]"},
                                           BindCase{"AnotherOneOfIpv6", "fd00::2", "[fd00::2]", "[fd00::2]"},
                                           BindCase{"EverythingOfIpv6", "::", "[::]", "[::1]"}),
                         [](const auto& test) { return test.param.name; });

TEST(Bindable, IsOnlyWhatThisMachineHas) {
  for (const char* own : {"127.0.0.1", "127.0.0.77", "0.0.0.0"}) {
    EXPECT_TRUE(CheckBindable(own).ok()) << own;
  }
  for (const char* foreign : {"198.51.100.7", "2001:db8::7", "localhost"}) {
    const Status refused = CheckBindable(foreign);
    ASSERT_FALSE(refused.ok()) << foreign;
    EXPECT_EQ(refused.error().code, Errc::kInvalidArgument);
    EXPECT_THAT(refused.error().message, HasSubstr(foreign));
  }
}

}  // namespace
}  // namespace quantum::operate
