#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "operator/process/process.h"
#include "operator/state/disk.h"
#include "tests/operator/toy_platform.h"

// `up` on a disk that is nearly full, or fills up while it starts: one sentence, and what was started is stopped.
namespace quantum::operate {
namespace {

namespace fs = std::filesystem;
using quantum::testing::Eventually;
using ::testing::HasSubstr;

class FullDiskTest : public ToyPlatform {
 protected:
  ~FullDiskTest() override {
    if (mounted_) {
      Quantum("down");  // before its disk goes
      Eventually(kSoon, [&] { return ::umount(disk_.c_str()) == 0; });
    }
  }

  // The state directory on a disk of its own with this much room; false where we may not mount.
  bool OnDiskOf(uint64_t bytes) {
    fs::create_directories(disk_);
    mounted_ = ::mount("none", disk_.c_str(), "tmpfs", 0, fmt::format("size={},mode=755", bytes).c_str()) == 0;
    return mounted_;
  }

  static uint64_t SizeOfPrograms() { return fs::file_size(fs::path(ToyProgram()).parent_path() / "quantum"); }

  const std::string disk_ = (directory_.path() / "d").string();
  bool mounted_ = false;
};

TEST_F(FullDiskTest, WithoutRoomToStartItIsSaidBeforeAnythingIsWritten) {
  if (!OnDiskOf(SizeOfPrograms() + (1u << 20))) {
    GTEST_SKIP() << "may not mount a disk of its own";
  }
  WriteManifest(Server("a"));
  const Outcome up = Quantum("up");
  EXPECT_EQ(up.exit_code, 1) << up.output;
  EXPECT_THAT(up.output, HasSubstr("The disk of " + layout_.root + " is full: starting needs"));
  EXPECT_FALSE(fs::exists(layout_.root));
}

TEST_F(FullDiskTest, AUnitThatFillsItAndCannotSayWhyIsExplained) {
  if (!OnDiskOf(SizeOfPrograms() + (30u << 20))) {
    GTEST_SKIP() << "may not mount a disk of its own";
  }
  WriteManifest(Server("a") +
                "  filler:\n    command: [/bin/sh, -c, \"cat /dev/zero 2>/dev/null > ${DATA}/filler/fill; exit 3\"]\n"
                "    depends: [a]\n    ready: {exec: [/bin/false], interval: 20ms}\n");
  const Outcome up = Quantum("up");
  EXPECT_EQ(up.exit_code, 1) << up.output;
  EXPECT_THAT(up.output, HasSubstr("filler exited with code 3"));
  EXPECT_THAT(up.output, HasSubstr("The disk of " + layout_.root + " is full: free some space"));
  EXPECT_THAT(up.output, HasSubstr("Everything is stopped again."));
  EXPECT_FALSE(fleet_.Running());
  EXPECT_FALSE(ListeningPorts().contains(ports_[0]));
  fs::remove(layout_.Data() + "/filler/fill");
}

TEST_F(FullDiskTest, OneThatFilledUpSinceTheLastStartIsExplainedToo) {
  if (!OnDiskOf(SizeOfPrograms() + (30u << 20))) {
    GTEST_SKIP() << "may not mount a disk of its own";
  }
  WriteManifest(Server("a"));
  Up();
  ASSERT_EQ(Quantum("down").exit_code, 0);
  Shell("sh -c 'cat /dev/zero > " + disk_ + "/fill'");
  const Outcome up = Quantum("up");
  EXPECT_EQ(up.exit_code, 1) << up.output;
  EXPECT_THAT(up.output, HasSubstr("The disk of " + layout_.root + " is full"));
  EXPECT_FALSE(fleet_.Running());
  fs::remove(disk_ + "/fill");
  Up();
  EXPECT_EQ(Unit("a").state, State::kReady) << "nothing was lost";
}

}  // namespace
}  // namespace quantum::operate
