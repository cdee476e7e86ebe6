#include "operator/state/preparation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "tests/support/process.h"

namespace quantum::operate {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class PreparationTest : public ::testing::Test {
 protected:
  Result<Preparation> Begin() {
    return Preparation::Begin(
        layout_, [this] { return interrupted_; }, [this](pid_t holder) { waits_for_ = holder; });
  }

  std::vector<std::string> Names(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  quantum::testing::TemporaryDirectory directory_{"preparation"};
  Layout layout_{(directory_.path() / "some/where/s").string()};
  bool interrupted_ = false;
  pid_t waits_for_ = 0;
};

TEST_F(PreparationTest, LeavesNothingBehindWhenNothingCameOfIt) {
  {
    const auto preparation = Begin();
    ASSERT_TRUE(preparation.ok()) << preparation.error().message;
    fs::create_directories(layout_.Etc());
    quantum::testing::WriteFile(layout_.ManifestFile(), "x");
  }
  EXPECT_FALSE(fs::exists(directory_.path() / "some")) << "the folders on the way neither";
}

TEST_F(PreparationTest, WhoeverServesCanPassThroughTheFoldersOnTheWay) {
  const mode_t before = ::umask(0077);
  const auto preparation = Begin();
  ::umask(before);
  ASSERT_TRUE(preparation.ok());
  EXPECT_EQ(fs::status(directory_.path() / "some/where").permissions(), fs::perms(0755));
}

TEST_F(PreparationTest, StaysOnceSomethingMayHaveBeenStarted) {
  {
    auto preparation = Begin();
    ASSERT_TRUE(preparation.ok());
    preparation->Keep();
  }
  EXPECT_TRUE(fs::exists(layout_.UpLock()));
}

TEST_F(PreparationTest, AFolderThatWasThereIsEmptyAgainAndOneInUseIsNotTouched) {
  fs::create_directories(layout_.root);
  {
    const auto preparation = Begin();
    quantum::testing::WriteFile(layout_.root + "/half", "x");
  }
  EXPECT_TRUE(fs::exists(layout_.root));
  EXPECT_TRUE(fs::is_empty(layout_.root));
  fs::create_directories(layout_.Secrets());
  quantum::testing::WriteFile(layout_.Secrets() + "/exchange-key", "mine");
  { const auto preparation = Begin(); }
  EXPECT_EQ(quantum::testing::ReadFile(layout_.Secrets() + "/exchange-key"), "mine");
}

TEST_F(PreparationTest, TheSecondWaitsForTheFirstAndKnowsIt) {
  std::optional<Preparation> first;
  {
    auto begun = Begin();
    ASSERT_TRUE(begun.ok());
    first.emplace(std::move(begun).value());
  }
  const auto second = Preparation::Begin(
      layout_, [] { return false; },
      [&](pid_t holder) {
        waits_for_ = holder;
        first.reset();  // refused: the folder is taken away under the one that waits
      });
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_EQ(waits_for_, ::getpid());
  EXPECT_THAT(Names(layout_.root), ElementsAre("up.lock")) << "made anew, with the lock that others see";
}

TEST_F(PreparationTest, TheWaitCanBeInterrupted) {
  const auto first = Begin();
  interrupted_ = true;
  const auto second = Begin();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Errc::kCancelled);
  EXPECT_TRUE(fs::exists(layout_.UpLock())) << "it is the first one's";
}

}  // namespace
}  // namespace quantum::operate
