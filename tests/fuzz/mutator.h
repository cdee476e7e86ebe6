#pragma once

#include <string>
#include <vector>

#include "platform/base/random.h"

namespace quantum::fuzz {

// Makes inputs that are nearly right from inputs that are right: bytes flipped, taken out, doubled and put elsewhere,
// pieces of two inputs joined, numbers at the ends of their range, and words of the target's language.
class Mutator {
 public:
  // corpus: not empty.
  Mutator(std::vector<std::string> corpus, std::vector<std::string> words, uint64_t seed)
      : corpus_(std::move(corpus)), words_(std::move(words)), random_(seed) {}

  static constexpr size_t kBytesMax = 16 * 1024;

  std::string Next();

 private:
  void Change(std::string& text);
  size_t Place(const std::string& text) { return random_.Below(text.size() + 1); }
  const std::string& Any(const std::vector<std::string>& all) { return all[random_.Below(all.size())]; }

  const std::vector<std::string> corpus_;
  const std::vector<std::string> words_;
  SeededRandom random_;
};

}  // namespace quantum::fuzz
