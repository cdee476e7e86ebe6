#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quantum::fuzz {

// A reader of bytes that come from outside. It must survive any of them, and keep what its own header promises.
struct Target {
  const char* name = "";
  void (*run)(std::string_view) = nullptr;  // a broken promise is an assertion
  std::vector<std::string> corpus;          // right inputs; more may stand among the market data (folders)
  std::vector<std::string> words;           // of its language
  const char* folder = nullptr;             // of the market data, whose files belong to the corpus
  unsigned cost = 1;                        // so many times fewer inputs than the others get
};

std::vector<Target> PlatformTargets();
std::vector<Target> ExchangeTargets();

inline std::vector<Target> AllTargets() {
  std::vector<Target> all = PlatformTargets();
  for (Target& target : ExchangeTargets()) {
    all.push_back(std::move(target));
  }
  return all;
}

}  // namespace quantum::fuzz
