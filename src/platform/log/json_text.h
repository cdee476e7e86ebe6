#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quantum::log {

// Builds one JSON object on one line, key after key. Text that is not UTF-8 gets U+FFFD in place of the broken bytes.
class JsonLine {
 public:
  JsonLine() : text_("{") {}

  void String(std::string_view key, std::string_view value);
  void Raw(std::string_view key, std::string_view json);  // a value that is JSON already, without line breaks
  std::string Take() &&;

 private:
  void Key(std::string_view key);
  void Quote(std::string_view text);

  std::string text_;
};

// The text as a JSON string with its quotes.
std::string JsonQuote(std::string_view text);

// What the inside of a JSON string (without its quotes) stands for; nothing when its escapes are broken.
std::optional<std::string> JsonUnescape(std::string_view raw);

bool IsUtf8(std::string_view text);

}  // namespace quantum::log
