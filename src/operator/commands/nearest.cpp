#include "operator/commands/nearest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace quantum::operate {

namespace {

// Letters to insert, remove, replace, or neighbours to swap.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> slips(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        slips[i][j] = i + j;
        continue;
      }
      const size_t replaced = slips[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      slips[i][j] = std::min({slips[i - 1][j] + 1, slips[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        slips[i][j] = std::min(slips[i][j], slips[i - 2][j - 2] + 1);
      }
    }
  }
  return slips[a.size()][b.size()];
}

}  // namespace

std::optional<std::string> Nearest(std::string_view word, const std::vector<std::string>& names) {
  constexpr size_t kPrefixMin = 2;
  const auto begins = [&](const std::string& name) { return word.size() >= kPrefixMin && name.starts_with(word); };
  if (std::count_if(names.begin(), names.end(), begins) == 1) {
    return *std::find_if(names.begin(), names.end(), begins);
  }
  std::optional<std::string> nearest;
  size_t least = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& name : names) {
    if (const size_t distance = Distance(word, name); distance < least) {
      least = distance;
      nearest = name;
    }
  }
  return nearest;
}

std::string NoSuch(std::string_view kind, std::string_view word, const std::vector<std::string>& names) {
  const auto nearest = Nearest(word, names);
  const std::string hint = nearest ? fmt::format("; did you mean {}?", *nearest) : ";";
  return names.empty() ? fmt::format("there is no {} '{}', nor any other", kind, word)
                       : fmt::format("there is no {} '{}'{} {} {}s are {}", kind, word, hint, nearest ? "The" : "the",
                                     kind, fmt::join(names, ", "));
}

}  // namespace quantum::operate
