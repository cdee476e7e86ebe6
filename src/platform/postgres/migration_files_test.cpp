#include "platform/postgres/migration_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace quantum::postgres {
namespace {

using ::testing::HasSubstr;

class MigrationFiles : public ::testing::Test {
 protected:
  MigrationFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "migrations-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~MigrationFiles() override { std::filesystem::remove_all(directory_); }
  void Write(const std::string& name, const std::string& text) { std::ofstream(directory_ + "/" + name) << text; }

  std::string directory_;
};

std::vector<AppliedMigration> Applied(const std::vector<Migration>& migrations) {
  std::vector<AppliedMigration> applied;
  for (const Migration& migration : migrations) {
    applied.push_back({migration.version, migration.name, migration.checksum});
  }
  return applied;
}

TEST_F(MigrationFiles, AreReadInOrderOfTheirNumbersWithTheirSha256) {
  Write("0010_later.sql", "b");
  Write("0002_first.sql", "abc");
  Write("README.md", "not a migration");
  const auto files = ReadMigrations(directory_);
  ASSERT_TRUE(files) << files.error().message;
  ASSERT_EQ(files->size(), 2u);
  EXPECT_EQ((*files)[0].version, 2);
  EXPECT_EQ((*files)[0].name, "0002_first");
  EXPECT_EQ((*files)[0].sql, "abc");
  EXPECT_EQ((*files)[0].checksum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ((*files)[1].version, 10);
}

TEST_F(MigrationFiles, WithoutANumberOrWithTheSameNumberAreRefused) {
  Write("first.sql", "");
  EXPECT_FALSE(ReadMigrations(directory_));
  std::filesystem::remove(directory_ + "/first.sql");
  Write("0001_a.sql", "");
  Write("0001_b.sql", "");
  const auto files = ReadMigrations(directory_);
  ASSERT_FALSE(files);
  EXPECT_THAT(files.error().message, HasSubstr("same number"));
  EXPECT_FALSE(ReadMigrations(directory_ + "/nowhere"));
}

TEST(PendingMigrations, AreThoseNotYetApplied) {
  const std::vector<Migration> files = {{1, "0001_a", "", "x"}, {2, "0002_b", "", "y"}, {3, "0003_c", "", "z"}};
  auto pending = PendingMigrations(files, Applied({files[0]}));
  ASSERT_TRUE(pending);
  ASSERT_EQ(pending->size(), 2u);
  EXPECT_EQ(pending->front().name, "0002_b");
  pending = PendingMigrations(files, Applied(files));
  ASSERT_TRUE(pending);
  EXPECT_TRUE(pending->empty());
}

TEST(PendingMigrations, RefuseAHistoryThatDoesNotMatch) {
  const std::vector<Migration> files = {{1, "0001_a", "", "x"}, {2, "0002_b", "", "y"}};
  const auto changed = PendingMigrations(files, {{1, "0001_a", "other"}});
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, Errc::kConflict);
  EXPECT_THAT(changed.error().message, HasSubstr("0001_a has changed"));
  EXPECT_FALSE(PendingMigrations(files, {{1, "0001_renamed", "x"}}));
  EXPECT_FALSE(PendingMigrations(files, {{1, "0001_a", "x"}, {7, "0007_gone", "q"}}));
  EXPECT_FALSE(PendingMigrations(files, {{2, "0002_b", "y"}})) << "0001 is new but below the highest applied";
}

}  // namespace
}  // namespace quantum::postgres
