#include "platform/log/masking.h"

#include <algorithm>

#include "platform/log/mask_text.h"

namespace quantum::log {
namespace {

int HexDigit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

// Lower case, without what separates words, percent-encoding undone: "X-MBX-APIKEY" and "api%5Fkey" hold "apikey".
std::string Normalized(std::string_view key) {
  std::string out;
  out.reserve(key.size());
  for (size_t i = 0; i < key.size(); ++i) {
    char c = key[i];
    if (c == '%' && i + 2 < key.size() && HexDigit(key[i + 1]) >= 0 && HexDigit(key[i + 2]) >= 0) {
      c = static_cast<char>(HexDigit(key[i + 1]) * 16 + HexDigit(key[i + 2]));
      i += 2;
    }
    if (c == '-' || c == '_' || c == ' ') {
      continue;
    }
    out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

}  // namespace

Masker::Masker(const std::vector<std::string>& extra_keys)
    : keys_{"apikey",        "secret",     "password",  "passwd",    "passphrase", "token",
            "authorization", "credential", "signature", "listenkey", "privatekey"} {
  for (const std::string& key : extra_keys) {
    if (std::string normalized = Normalized(key); !normalized.empty()) {
      keys_.push_back(std::move(normalized));
    }
  }
}

bool Masker::IsSecretKey(std::string_view key) const {
  const std::string normalized = Normalized(key);
  return std::any_of(keys_.begin(), keys_.end(),
                     [&](const std::string& secret) { return normalized.find(secret) != std::string::npos; });
}

std::string Masker::MaskText(std::string_view text) const {
  std::optional<std::string> redacted = RedactText(*this, text);
  return redacted ? *std::move(redacted) : std::string(text);
}

std::string Masker::MaskJson(std::string_view json) const {
  RedactedJson redacted = RedactJson(*this, json);
  if (!redacted.valid) {
    return MaskText(json);
  }
  return redacted.text ? *std::move(redacted.text) : std::string(json);
}

}  // namespace quantum::log
