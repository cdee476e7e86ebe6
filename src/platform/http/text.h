#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The small text rules of HTTP (RFC 9110) and of URIs (RFC 3986). ASCII only.
namespace quantum::http {

bool EqualIgnoringCase(std::string_view a, std::string_view b);

// Without spaces and tabs at both ends.
std::string_view Trim(std::string_view text);

// Whether a comma-separated header value holds the token: Connection: keep-alive, Upgrade.
bool HasToken(std::string_view list, std::string_view token);

// "%2F" to "/"; nothing when an escape is broken or stands for NUL.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space = false);

// "a=1&b=%20" as decoded pairs in order; nothing when an escape is broken.
using QueryPairs = std::vector<std::pair<std::string, std::string>>;
std::optional<QueryPairs> ParseQuery(std::string_view query);

}  // namespace quantum::http
