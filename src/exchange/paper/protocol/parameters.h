#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exchange/paper/engine/api_error.h"
#include "trading/decimal.h"

namespace quantum::paper {

// The parameters of a request: application/x-www-form-urlencoded in the query, the body or both; the query wins.
// Getters keep the first complaint (-1102 for what is missing or malformed) and go on with a neutral value, so that a
// handler reads everything and then asks error() once.
class Parameters {
 public:
  Parameters(std::string_view query, std::string_view body);
  // The same names and values as one order of a batch has them.
  explicit Parameters(std::vector<std::pair<std::string, std::string>> all) : all_(std::move(all)) {}

  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  std::string Text(std::string_view name);  // mandatory
  std::string Text(std::string_view name, std::string fallback);
  int64_t Int(std::string_view name);
  std::optional<int64_t> MaybeInt(std::string_view name);
  trading::Decimal Number(std::string_view name);
  trading::Decimal Number(std::string_view name, trading::Decimal fallback);
  bool Bool(std::string_view name, bool fallback);  // "true" or "false", any case

  void Refuse(ApiError error);  // unless there is a complaint already
  const std::optional<ApiError>& error() const { return error_; }

 private:
  const std::string* Find(std::string_view name) const;
  void Malformed(std::string_view name);
  // Unless it was not sent at all.
  void RefuseEmpty(std::string_view name);

  std::vector<std::pair<std::string, std::string>> all_;
  std::optional<ApiError> error_;
};

// HMAC-SHA256 in lower-case hexadecimal.
std::string HmacSha256Hex(std::string_view key, std::string_view text);

// Whether the `signature` parameter is right: it signs the query followed by the body, with no separator, as they were
// sent but for the signature itself. Nothing: there is no signature.
std::optional<bool> SignatureMatches(std::string_view secret, std::string_view query, std::string_view body);

}  // namespace quantum::paper
