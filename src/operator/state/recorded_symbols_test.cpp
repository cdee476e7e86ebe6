#include "operator/state/recorded_symbols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>

namespace quantum::operate {
namespace {

using testing::ElementsAre;

class RecordedSymbolsOf : public testing::Test {
 protected:
  RecordedSymbolsOf() {
    char name[] = "/tmp/quantum-recorded-XXXXXX";
    directory_ = mkdtemp(name);
  }
  ~RecordedSymbolsOf() override { std::filesystem::remove_all(directory_); }

  std::string Record(const std::string& name, const std::string& symbol) {
    const std::string path = directory_ + "/" + name;
    const std::string line =
        "1723161255030314667 {\"stream\":\"x@trade\",\"data\":{\"e\":\"trade\",\"s\":\"" + symbol + "\"}}\n";
    gzFile file = gzopen(path.c_str(), "wb");
    for (int i = 0; i < 3; ++i) {
      gzwrite(file, line.data(), static_cast<unsigned>(line.size()));
    }
    gzclose(file);
    return path;
  }

  std::string directory_;
  const std::vector<std::string> all_ = {"BTCUSDT", "ETHUSDT"};
};

TEST_F(RecordedSymbolsOf, ARecordingAreThoseThatTradeInIt) {
  const std::string btc = Record("a.gz", "BTCUSDT");
  const std::string eth = Record("b.gz", "ETHUSDT");
  EXPECT_THAT(*RecordedSymbols("recording:" + btc, all_), ElementsAre("BTCUSDT"));
  EXPECT_THAT(*RecordedSymbols("recording:" + eth, all_), ElementsAre("ETHUSDT"));
  EXPECT_THAT(*RecordedSymbols("recording:" + eth + "," + btc, all_), ElementsAre("BTCUSDT", "ETHUSDT"));
}

TEST_F(RecordedSymbolsOf, AnythingElseAreAll) {
  EXPECT_EQ(*RecordedSymbols("synthetic", all_), all_);
  EXPECT_EQ(*RecordedSymbols("recording:" + Record("c.gz", "XRPUSDT"), all_), all_);
}

}  // namespace
}  // namespace quantum::operate
