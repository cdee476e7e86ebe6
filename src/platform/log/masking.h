#pragma once

#include <string>
#include <string_view>
#include <vector>

// What must never reach a log: replaced by ***REDACTED***, in messages ("token=abc", "Authorization: Bearer abc",
// "password": "abc"), fields at any depth, headers, query strings and the user info of URLs.
namespace quantum::log {

inline constexpr std::string_view kRedacted = "***REDACTED***";

// Keys are compared case-insensitively with '-' and '_' removed, and match as a part of the key too, so that
// `listenKey`, `X-MBX-APIKEY`, `db_password` and `newApiKey` are all caught.
class Masker {
 public:
  explicit Masker(const std::vector<std::string>& extra_keys = {});

  bool IsSecretKey(std::string_view key) const;
  std::string MaskText(std::string_view text) const;  // free text, URLs, query strings, header lines
  std::string MaskJson(std::string_view json) const;  // text that is not JSON falls back to MaskText

 private:
  std::vector<std::string> keys_;
};

}  // namespace quantum::log
