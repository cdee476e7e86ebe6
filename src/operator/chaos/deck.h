#pragma once

#include <utility>
#include <vector>

#include "platform/base/random.h"

namespace quantum::operate::chaos {

// Faults in random order, each as often as any other. They, and random, outlive it.
template <class Fault>
class Deck {
 public:
  Deck(std::vector<const Fault*> faults, Random& random) : faults_(std::move(faults)), random_(random) {}

  const Fault& Draw() {
    if (left_.empty()) {
      left_ = faults_;
      for (size_t i = left_.size(); i > 1; --i) {
        std::swap(left_[i - 1], left_[random_.Below(i)]);
      }
    }
    const Fault* const fault = left_.back();
    left_.pop_back();
    return *fault;
  }

 private:
  const std::vector<const Fault*> faults_;
  Random& random_;
  std::vector<const Fault*> left_;
};

}  // namespace quantum::operate::chaos
