#include "platform/log/rotating_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace quantum::log {
namespace {

class RotatingFileTest : public testing::Test {
 protected:
  RotatingFileTest() {
    char name[] = "/tmp/quantum-log-XXXXXX";
    directory_ = mkdtemp(name);
  }
  ~RotatingFileTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  std::string Read(const std::string& name) const {
    std::ifstream file(Path(name));
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string directory_;
};

TEST_F(RotatingFileTest, KeepsTheNewestFilesAndNeverSplitsALine) {
  {
    auto file = RotatingFile::Open(Path("a.log"), 20, 2);
    ASSERT_TRUE(file.ok());
    for (const char* line : {"111111111\n", "222222222\n", "333333333\n", "444444444\n", "555555555\n", "666666666\n",
                             "777777777\n", "888888888\n"}) {
      file->Append(line);
    }
  }
  EXPECT_EQ(Read("a.log"), "777777777\n888888888\n");
  EXPECT_EQ(Read("a.log.1"), "555555555\n666666666\n");
  EXPECT_EQ(Read("a.log.2"), "333333333\n444444444\n");
  EXPECT_FALSE(std::filesystem::exists(Path("a.log.3")));
}

TEST_F(RotatingFileTest, ARestartGoesOnInTheSameFile) {
  for (const char* line : {"one\n", "two\n"}) {
    auto file = RotatingFile::Open(Path("a.log"), 100, 2);
    ASSERT_TRUE(file.ok());
    file->Append(line);
  }
  EXPECT_EQ(Read("a.log"), "one\ntwo\n");
}

TEST_F(RotatingFileTest, IsNotReadableByOthers) {
  auto file = RotatingFile::Open(Path("a.log"), 100, 2);
  ASSERT_TRUE(file.ok());
  struct stat info {};
  ASSERT_EQ(stat(Path("a.log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0007, 0u);
}

TEST_F(RotatingFileTest, AFullDiskIsCountedAndDoesNotEndTheWriter) {
  auto file = RotatingFile::Open("/dev/full", 1000, 2);
  ASSERT_TRUE(file.ok());
  file->Append("one\n");
  file->Append("two\n");
  file->Flush();
  EXPECT_EQ(file->lost(), 2u);
}

TEST_F(RotatingFileTest, ADirectoryThatIsMissingIsNamedInTheError) {
  const auto file = RotatingFile::Open(Path("no/a.log"), 100, 2);
  ASSERT_FALSE(file.ok());
  EXPECT_NE(file.error().message.find(Path("no/a.log")), std::string::npos);
}

}  // namespace
}  // namespace quantum::log
