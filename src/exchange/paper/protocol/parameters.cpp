#include "exchange/paper/protocol/parameters.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace quantum::paper {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string Decode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

// Digits, with a fraction or without.
bool IsDecimal(std::string_view text) {
  const auto digits = [](std::string_view part) {
    return !part.empty() && part.size() <= 20 &&
           std::all_of(part.begin(), part.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  };
  const size_t point = text.find('.');
  return digits(text.substr(0, point)) && (point == std::string_view::npos || digits(text.substr(point + 1)));
}

template <class Each>
void ForEachPair(std::string_view text, const Each& each) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    each(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// The text without its `signature` pair; the pair's value goes to `signature`.
std::string WithoutSignature(std::string_view text, std::optional<std::string>& signature) {
  constexpr std::string_view kName = "signature=";
  std::string rest;
  ForEachPair(text, [&](std::string_view pair) {
    if (pair.starts_with(kName)) {
      signature = std::string(pair.substr(kName.size()));
      return;
    }
    rest += rest.empty() ? "" : "&";
    rest += pair;
  });
  return rest;
}

}  // namespace

Parameters::Parameters(std::string_view query, std::string_view body) {
  for (std::string_view text : {query, body}) {
    const size_t others = all_.size();
    ForEachPair(text, [&](std::string_view pair) {
      const size_t equals = pair.find('=');
      if (equals != std::string_view::npos) {
        const std::string name = Decode(pair.substr(0, equals));
        if (std::any_of(all_.begin() + static_cast<std::ptrdiff_t>(others), all_.end(),
                        [&](const auto& one) { return one.first == name; })) {
          Refuse({-1101, "Duplicate values for a parameter detected."});
        }
        all_.emplace_back(name, Decode(pair.substr(equals + 1)));
      }
    });
  }
}

const std::string* Parameters::Find(std::string_view name) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const auto& pair) { return pair.first == name; });
  return found == all_.end() || found->second.empty() ? nullptr : &found->second;
}

void Parameters::Refuse(ApiError error) {
  if (!error_) {
    error_ = std::move(error);
  }
}

void Parameters::RefuseEmpty(std::string_view name) {
  if (std::any_of(all_.begin(), all_.end(), [&](const auto& pair) { return pair.first == name; })) {
    Refuse({-1105, fmt::format("Parameter '{}' was empty.", name)});
  }
}

void Parameters::Malformed(std::string_view name) {
  Refuse({-1102, fmt::format("Mandatory parameter '{}' was not sent, was empty/null, or malformed.", name)});
}

std::string Parameters::Text(std::string_view name) {
  const std::string* value = Find(name);
  if (value == nullptr) {
    Malformed(name);
    return {};
  }
  return *value;
}

std::string Parameters::Text(std::string_view name, std::string fallback) {
  const std::string* value = Find(name);
  if (value == nullptr) {
    RefuseEmpty(name);
  }
  return value == nullptr ? std::move(fallback) : *value;
}

std::optional<int64_t> Parameters::MaybeInt(std::string_view name) {
  const std::string* value = Find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc() || end != value->data() + value->size()) {
    Malformed(name);
    return std::nullopt;
  }
  return number;
}

int64_t Parameters::Int(std::string_view name) {
  const std::optional<int64_t> value = MaybeInt(name);
  if (!value) {
    Malformed(name);
  }
  return value.value_or(0);
}

trading::Decimal Parameters::Number(std::string_view name) {
  const std::string* value = Find(name);
  if (value == nullptr) {
    Malformed(name);
    return {};
  }
  if (!IsDecimal(*value)) {
    Refuse({-1100, fmt::format("Illegal characters found in parameter '{}'; legal range is '{}'.", name,
                               R"(^([0-9]{1,20})(\.[0-9]{1,20})?$)")});
    return {};
  }
  const auto parsed = trading::Decimal::Parse(*value);
  if (!parsed.ok()) {
    Refuse({-1111, "Precision is over the maximum defined for this asset."});
    return {};
  }
  return *parsed;
}

trading::Decimal Parameters::Number(std::string_view name, trading::Decimal fallback) {
  return Has(name) ? Number(name) : fallback;
}

bool Parameters::Bool(std::string_view name, bool fallback) {
  const std::string* value = Find(name);
  if (value == nullptr) {
    return fallback;
  }
  std::string lower = *value;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower != "true" && lower != "false") {
    Malformed(name);
  }
  return lower == "true";
}

std::string HmacSha256Hex(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &length);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) {
    hex += fmt::format("{:02x}", digest[i]);
  }
  return hex;
}

std::optional<bool> SignatureMatches(std::string_view secret, std::string_view query, std::string_view body) {
  std::optional<std::string> signature;
  const std::string signed_text = WithoutSignature(query, signature) + WithoutSignature(body, signature);
  if (!signature) {
    return std::nullopt;
  }
  const std::string expected = HmacSha256Hex(secret, signed_text);
  return signature->size() == expected.size() &&
         CRYPTO_memcmp(signature->data(), expected.data(), expected.size()) == 0;
}

}  // namespace quantum::paper
