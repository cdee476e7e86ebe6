#include "tests/fuzz/mutator.h"

#include <gtest/gtest.h>

#include <set>

namespace quantum::fuzz {
namespace {

TEST(Mutator, TheSameSeedGivesTheSameInputsAndAnotherGivesOthers) {
  const std::vector<std::string> corpus{R"({"price":"61800.25"})", "abc"};
  Mutator one(corpus, {"\""}, 1);
  Mutator same(corpus, {"\""}, 1);
  Mutator other(corpus, {"\""}, 2);
  std::set<std::string> inputs;
  int equal = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string input = one.Next();
    ASSERT_EQ(input, same.Next());
    ASSERT_LE(input.size(), Mutator::kBytesMax);
    equal += input == other.Next() ? 1 : 0;
    inputs.insert(input);
  }
  EXPECT_LT(equal, 100);
  EXPECT_GT(inputs.size(), 800u) << "most inputs are new";
}

}  // namespace
}  // namespace quantum::fuzz
