#include "platform/base/durable_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace quantum {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DurableFile : public ::testing::Test {
 protected:
  quantum::testing::TemporaryDirectory directory_{"durable-file"};
  const std::string path_ = (directory_.path() / "file").string();
};

TEST_F(DurableFile, IsReadAsItWasWrittenWithItsModeAndWithoutATrace) {
  const std::string text(100'000, '\0');
  ASSERT_TRUE(WriteFileAtomically(path_, text, 0640).ok());
  EXPECT_EQ(ReadFile(path_).value(), text);
  struct stat found {};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0640u);
  ASSERT_TRUE(WriteFileDurably(path_, "new").ok());
  EXPECT_EQ(ReadFile(path_).value(), "new");
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  EXPECT_FALSE(fs::exists(path_ + ".new"));
}

TEST_F(DurableFile, IsNewWhateverLayThereAndFollowsNoLink) {
  const std::string victim = (directory_.path() / "victim").string();
  ASSERT_TRUE(WriteFileAtomically(victim, "untouched", 0600).ok());
  fs::create_symlink(victim, path_);
  fs::create_symlink(victim, path_ + ".new");
  ASSERT_TRUE(WriteFileAtomically(path_, "mine", 0600).ok());
  EXPECT_FALSE(fs::is_symlink(path_));
  EXPECT_EQ(ReadFile(path_).value(), "mine");
  EXPECT_EQ(ReadFile(victim).value(), "untouched");
}

TEST_F(DurableFile, MakesItsDirectoryOnlyWhereThatIsAskedFor) {
  const std::string deep = (directory_.path() / "a/b/file").string();
  EXPECT_EQ(WriteFileAtomically(deep, "x", 0600).error().code, Errc::kNotFound);
  ASSERT_TRUE(WriteFileDurably(deep, "x").ok());
  EXPECT_EQ(ReadFile(deep).value(), "x");
}

TEST_F(DurableFile, KeepsTheOldTextWhenTheNewOneCannotTakeItsPlace) {
  fs::create_directories(path_ + "/in-the-way");
  const Status status = WriteFileAtomically(path_, "x", 0600);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message, HasSubstr("writing " + path_));
  EXPECT_TRUE(fs::exists(path_ + "/in-the-way"));
  EXPECT_FALSE(fs::exists(path_ + ".new"));
}

TEST_F(DurableFile, ThatIsMissingOrNoFileIsAnErrorThatNamesIt) {
  EXPECT_EQ(ReadFile(path_).error().code, Errc::kNotFound);
  EXPECT_THAT(ReadFile(path_).error().message, HasSubstr("reading " + path_ + ": No such file"));
  EXPECT_FALSE(ReadFile(directory_.path().string()).ok());
  EXPECT_EQ(SyncDirectory(path_).error().code, Errc::kNotFound);
}

}  // namespace
}  // namespace quantum
