#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "exchange/recording/recording.h"
#include "tests/fuzz/mutator.h"
#include "tests/fuzz/target.h"
#include "tests/support/checkout/checkout.h"

// Every reader of outside bytes, fed with what is nearly right. A run is repeated by its seed: QUANTUM_FUZZ_SEED,
// QUANTUM_FUZZ_INPUTS. An input that ends the process is named by its number before it does.
namespace quantum::fuzz {
namespace {

constexpr uint64_t kInputs = 40'000;
constexpr size_t kFileBytesMax = 64 * 1024;

struct Running {
  char name[64] = {};
  uint64_t seed = 0;
  uint64_t input = 0;
  bool active = false;
} running;

void Tell(int signal) {
  if (running.active) {
    char line[200];
    const int size = std::snprintf(
        line, sizeof line, "\nfuzz target %s died of signal %d: QUANTUM_FUZZ_SEED=%lu, input %lu\n", running.name,
        signal, static_cast<unsigned long>(running.seed), static_cast<unsigned long>(running.input));
    static_cast<void>(!::write(STDERR_FILENO, line, static_cast<size_t>(size)));
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::vector<std::string> CorpusOf(const Target& target) {
  std::vector<std::string> corpus = target.corpus;
  const std::string folder =
      target.folder == nullptr ? "" : exchange::FindMarketData(checkout::SourceDirectory(), target.folder);
  if (!folder.empty()) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file() && entry.file_size() < kFileBytesMax) {
        std::ifstream file(entry.path(), std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
      }
    }
    std::sort(corpus.begin(), corpus.end());  // the order of a folder is nobody's promise
  }
  return corpus;
}

class Fuzz : public testing::TestWithParam<size_t> {
 protected:
  static void Feed(uint64_t seed) {
    const std::vector<Target> targets = AllTargets();
    const Target& target = targets[GetParam()];
    Mutator mutator(CorpusOf(target), target.words, seed);
    std::snprintf(running.name, sizeof running.name, "%s", target.name);
    running.seed = seed;
    running.active = true;
    for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGILL}) {
      std::signal(signal, Tell);
    }
    const uint64_t inputs = FromEnvironment("QUANTUM_FUZZ_INPUTS", kInputs) / target.cost;
    std::cout << target.name << ": seed " << seed << ", " << inputs << " inputs" << std::endl;
    for (running.input = 0; running.input < inputs; ++running.input) {
      target.run(mutator.Next());
    }
    running.active = false;
  }
};

TEST_P(Fuzz, ReadsEveryRightInput) {
  const std::vector<Target> targets = AllTargets();
  for (const std::string& input : CorpusOf(targets[GetParam()])) {
    targets[GetParam()].run(input);
  }
}

TEST_P(Fuzz, SurvivesTheSameInputsEachTime) { Feed(1); }

TEST_P(Fuzz, SurvivesInputsThatNobodyHasSeen) {
  Feed(FromEnvironment("QUANTUM_FUZZ_SEED", SystemRandom().Below(1'000'000'000)));
}

INSTANTIATE_TEST_SUITE_P(Targets, Fuzz, testing::Range<size_t>(0, AllTargets().size()), [](const auto& target) {
  std::string name = AllTargets()[target.param].name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace quantum::fuzz
