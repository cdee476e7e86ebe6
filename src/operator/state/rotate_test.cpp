#include "operator/state/rotate.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace quantum::operate {
namespace {

namespace fs = std::filesystem;

class Rotate : public testing::Test {
 protected:
  Rotate() {
    char name[] = "/tmp/quantum-rotate-XXXXXX";
    directory_ = mkdtemp(name);
    path_ = directory_ + "/access.log";
  }
  ~Rotate() override { fs::remove_all(directory_); }

  std::string Text(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  std::string directory_;
  std::string path_;
};

TEST_F(Rotate, ASmallOrMissingFileStays) {
  EXPECT_FALSE(*RotateLog(path_, 3, 2));
  std::ofstream(path_) << "abc";
  EXPECT_FALSE(*RotateLog(path_, 3, 2));
  EXPECT_EQ(Text(path_), "abc");
}

TEST_F(Rotate, KeepsTheNewestFilesAndNoMore) {
  for (const char* text : {"one", "two", "three", "four"}) {
    std::ofstream(path_) << text;
    EXPECT_TRUE(*RotateLog(path_, 2, 2));
    EXPECT_FALSE(fs::exists(path_));
  }
  EXPECT_EQ(Text(path_ + ".1"), "four");
  EXPECT_EQ(Text(path_ + ".2"), "three");
  EXPECT_FALSE(fs::exists(path_ + ".3"));
}

}  // namespace
}  // namespace quantum::operate
