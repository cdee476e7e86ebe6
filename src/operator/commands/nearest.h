#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quantum::operate {

// The name that was probably meant: the one that differs by fewest letters, if by no more than a slip or two, or the
// only one that begins so.
std::optional<std::string> Nearest(std::string_view word, const std::vector<std::string>& names);

// "there is no stream 'ordr'; did you mean order? The streams are ai, order, risk"
std::string NoSuch(std::string_view kind, std::string_view word, const std::vector<std::string>& names);

}  // namespace quantum::operate
