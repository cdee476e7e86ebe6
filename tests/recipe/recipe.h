#pragma once

#include <filesystem>
#include <string>

// A page of docs/ that says what to write where, followed to the letter. What it no longer says throws
// std::runtime_error.
namespace quantum::testing {

class Recipe {
 public:
  explicit Recipe(const std::filesystem::path& page);

  // The code block that follows a sentence: `sentence` may stand only once.
  std::string BlockAfter(const std::string& sentence) const;

 private:
  std::string page_;
  std::string text_;
};

// The text with an insertion behind the line that begins with `line`, or, where that line ends in it, in place of
// `empty` ("services: {}").
std::string InsertBehind(const std::string& text, const std::string& line, const std::string& insertion,
                         const std::string& empty = {});

}  // namespace quantum::testing
