#include "services/execution/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace quantum::execution {
namespace {

Result<Settings> ReadFrom(const std::string& mode, const std::string& chaos) {
  const std::string path = ::testing::TempDir() + "/execution-settings.yml";
  std::ofstream file(path);
  file << "version: 1\nmode: " << mode << "\nsymbols: [BTCUSDT]\nunits: {}\n";
  file << "services:\n  execution:\n    " << chaos << "\n";
  file.close();
  QUANTUM_TRY(const config::Manifest manifest, config::Manifest::Load(path));
  return Settings::Read(manifest);
}

TEST(Settings, TheNegativeControlIsOffAndRefusedInAnyModeButPaper) {
  const auto plain = ReadFrom("PAPER", "reconcile_interval: 5s");
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  EXPECT_FALSE(plain->at_risk);
  const std::string chaos = "chaos: {at_risk: true}";
  EXPECT_TRUE(ReadFrom("PAPER", chaos).ok());
  for (const char* mode : {"TESTNET", "{name: LIVE, confirm: real-money}"}) {
    const auto refused = ReadFrom(mode, chaos);
    ASSERT_FALSE(refused.ok()) << mode;
    EXPECT_THAT(refused.error().message, ::testing::HasSubstr("refused in any mode but PAPER"));
  }
}

}  // namespace
}  // namespace quantum::execution
