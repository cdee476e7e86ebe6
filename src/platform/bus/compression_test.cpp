#include "platform/bus/compression.h"

#include <gtest/gtest.h>

#include "platform/base/random.h"

namespace quantum::bus {
namespace {

constexpr size_t kMax = 100'000;

std::string Noise(size_t bytes) {
  SeededRandom random(7);
  std::string text;
  while (text.size() < bytes) {
    text += static_cast<char>(random.Next());
  }
  return text;
}

TEST(Compression, GivesBackWhatItTook) {
  for (const std::string& text : {std::string(), std::string("x"), std::string(50'000, 'x'), Noise(50'000)}) {
    const auto back = Decompress(Compress(text), kMax);
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(*back, text);
  }
}

TEST(Compression, TakesNoMoreMemoryThanIsAllowed) {
  EXPECT_TRUE(Decompress(Compress(std::string(kMax, 'x')), kMax).ok());
  EXPECT_FALSE(Decompress(Compress(std::string(kMax + 1, 'x')), kMax).ok());
  EXPECT_FALSE(Decompress(Compress(std::string(20'000'000, 'x')), kMax).ok()) << "a few bytes that say twenty million";
}

TEST(Compression, CutOrChangedAnywhereItIsRefusedOrTheSame) {
  const std::string text = "a text, a text, a text and " + Noise(40);
  const std::string whole = Compress(text);
  for (size_t at = 0; at < whole.size(); ++at) {
    EXPECT_FALSE(Decompress(std::string_view(whole).substr(0, at), kMax).ok()) << at;
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      const auto back = Decompress(changed, kMax);
      EXPECT_TRUE(!back.ok() || *back == text) << at << " " << bit;
    }
  }
}

}  // namespace
}  // namespace quantum::bus
