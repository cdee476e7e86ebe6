#include "tests/recipe/recipe.h"

#include <stdexcept>

#include "tests/support/process.h"

namespace quantum::testing {

Recipe::Recipe(const std::filesystem::path& page) : page_(page.string()), text_(ReadFile(page)) {}

std::string Recipe::BlockAfter(const std::string& sentence) const {
  const size_t said = text_.find(sentence);
  if (said == std::string::npos || text_.find(sentence, said + 1) != std::string::npos) {
    throw std::runtime_error(page_ + " says not once: " + sentence);
  }
  const size_t fence = text_.find("\n```", said);
  const size_t begin = fence == std::string::npos ? fence : text_.find('\n', fence + 1);
  const size_t end = begin == std::string::npos ? begin : text_.find("\n```", begin);
  const size_t heading = text_.find("\n#", said);
  if (end == std::string::npos || fence > heading) {
    throw std::runtime_error(page_ + " has no code block behind: " + sentence);
  }
  return text_.substr(begin + 1, end - begin);
}

std::string InsertBehind(const std::string& text, const std::string& line, const std::string& insertion,
                         const std::string& empty) {
  const size_t begin = text.starts_with(line) ? 0 : text.find("\n" + line) + 1;
  if (begin == 0 && !text.starts_with(line)) {
    throw std::runtime_error("there is no line that begins with " + line);
  }
  const size_t end = text.find('\n', begin);
  std::string whole = text.substr(begin, end - begin);
  if (!empty.empty() && whole.ends_with(empty)) {
    whole.resize(whole.size() - empty.size());
  }
  return text.substr(0, begin) + whole + "\n" + insertion + text.substr(end + 1);
}

}  // namespace quantum::testing
