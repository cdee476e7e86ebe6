#include "operator/state/rotate.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "platform/log/setup.h"

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

TEST(Rotation, OfTheGatewaysFilesIsThatOfEveryService) {
  const log::Options services{.service = "svc"};
  EXPECT_EQ(kAccessLogRotation.bytes_max, services.file_bytes_max);
  EXPECT_EQ(kAccessLogRotation.kept, services.files_kept);
  EXPECT_EQ(kErrorLogRotation.bytes_max, services.error_file_bytes_max);
  EXPECT_EQ(kErrorLogRotation.kept, services.error_files_kept);
}

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
