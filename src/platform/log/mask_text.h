#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "platform/log/masking.h"

namespace quantum::log {

// The text with its secrets redacted; nothing when there was none, so that the common case copies nothing.
std::optional<std::string> RedactText(const Masker& masker, std::string_view text);

struct RedactedJson {
  bool valid = false;               // the text is JSON in UTF-8
  std::optional<std::string> text;  // set when valid and something was redacted
};
RedactedJson RedactJson(const Masker& masker, std::string_view json);

}  // namespace quantum::log
