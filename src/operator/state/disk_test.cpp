#include "operator/state/disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "tests/support/process.h"

namespace quantum::operate {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Disk : public ::testing::Test {
 protected:
  config::Manifest Manifest(const std::string& units) {
    const fs::path path = directory_.path() / "quantum.yml";
    quantum::testing::WriteFile(path, "version: 1\nmode: PAPER\nsymbols: [BTCUSDT]\nunits:\n" + units);
    return config::Manifest::Load(path).value();
  }

  quantum::testing::TemporaryDirectory directory_{"disk"};
  Layout layout_{(directory_.path() / "s").string()};
};

TEST_F(Disk, OfAFolderThatIsNotThereYetIsThatOfItsParent) {
  EXPECT_GT(FreeBytes(layout_.Data()), 0u);
  EXPECT_LT(FreeBytes(layout_.Data()), std::numeric_limits<uint64_t>::max());
}

TEST_F(Disk, NeedsRoomForWhatIsNotThereYet) {
  const fs::path programs = directory_.path() / "build";
  fs::create_directories(programs);
  fs::create_directories(layout_.Bin());
  quantum::testing::WriteFile(programs / "quantum", std::string(3000, 'x'));
  quantum::testing::WriteFile(programs / "a", std::string(5000, 'x'));
  const config::Manifest manifest = Manifest("  a: {command: ['${BIN}/a'], port: 6000}\n");
  const uint64_t all = BytesToStart(layout_, manifest, programs, "synthetic");
  fs::copy_file(programs / "a", layout_.Bin() + "/a");
  const uint64_t without_a = BytesToStart(layout_, manifest, programs, "synthetic");
  EXPECT_EQ(all - without_a, 5000u);
  quantum::testing::WriteFile(directory_.path() / "r.gz", std::string(700, 'x'));
  EXPECT_EQ(BytesToStart(layout_, manifest, programs, "recording:" + (directory_.path() / "r.gz").string()),
            without_a + 700);
  const config::Manifest with_database = Manifest("  postgres-1: {command: [postgres], port: 5432}\n");
  const uint64_t first = BytesToStart(layout_, with_database, programs, "synthetic");
  fs::create_directories(layout_.Data() + "/postgres-1/data");
  quantum::testing::WriteFile(layout_.Data() + "/postgres-1/data/PG_VERSION", "15");
  EXPECT_GE(first - BytesToStart(layout_, with_database, programs, "synthetic"), 50u << 20);
}

TEST_F(Disk, WithoutThatRoomIsRefusedInOneSentence) {
  EXPECT_TRUE(CheckRoom(layout_, 10, 10).ok());
  const Status refused = CheckRoom(layout_, 200u << 20, 3u << 20);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::kExhausted);
  EXPECT_THAT(refused.error().message, StartsWith("The disk of " + layout_.root + " is full: starting needs 201 MB"));
  EXPECT_THAT(refused.error().message, HasSubstr("3 MB are free"));
}

}  // namespace
}  // namespace quantum::operate
