#include "platform/lifecycle/unit_url.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace quantum::lifecycle {
namespace {

std::string UrlWithBind(const std::string& bind, int offset = 0) {
  char name[] = "/tmp/quantum-unit-url-XXXXXX";
  const std::string directory = mkdtemp(name);
  const std::string path = directory + "/quantum.yml";
  std::ofstream(path) << "version: 1\nmode: PAPER\nsymbols: [BTCUSDT]\nbind: \"" << bind
                      << "\"\nunits:\n  execution: {kind: service, command: x, port: 8002}\n";
  const auto manifest = config::Manifest::Load(path, {}, offset);
  std::filesystem::remove_all(directory);
  EXPECT_TRUE(manifest.ok()) << (manifest.ok() ? "" : manifest.error().message);
  return UrlOf(*manifest, "execution", "/api/execution/orders");
}

TEST(UnitUrl, IsTheBindAddressAndThePortWithTheOffset) {
  EXPECT_EQ(UrlWithBind("10.1.2.3"), "http://10.1.2.3:8002/api/execution/orders");
  EXPECT_EQ(UrlWithBind("127.0.0.1", 5000), "http://127.0.0.1:13002/api/execution/orders");
}

TEST(UnitUrl, EveryAddressMeansTheLoopbackForAClient) {
  EXPECT_EQ(UrlWithBind("0.0.0.0"), "http://127.0.0.1:8002/api/execution/orders");
  EXPECT_EQ(UrlWithBind("::"), "http://[::1]:8002/api/execution/orders");
}

TEST(UnitUrl, AnIpv6AddressStandsInBrackets) {
  EXPECT_EQ(UrlWithBind("fd00::7"), "http://[fd00::7]:8002/api/execution/orders");
}

}  // namespace
}  // namespace quantum::lifecycle
