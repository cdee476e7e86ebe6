#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace quantum::bench {

// The value below which the share lies; 0 for no values.
inline double Quantile(std::vector<double> values, double share) {
  if (values.empty()) {
    return 0;
  }
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace quantum::bench
