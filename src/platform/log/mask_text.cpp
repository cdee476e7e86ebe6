#include "platform/log/mask_text.h"

#include <algorithm>
#include <array>

namespace quantum::log {
namespace {

constexpr size_t kKeyBytesMax = 128;  // how far back of a separator its key may begin
constexpr auto kNone = std::string_view::npos;

struct Span {
  size_t begin = 0;
  size_t end = 0;
};

bool IsQuote(char c) { return c == '"' || c == '\''; }
bool IsBlank(char c) { return c == ' ' || c == '\t'; }
bool IsSpace(char c) { return IsBlank(c) || c == '\n' || c == '\r'; }
bool IsAlnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsKeyChar(char c) { return IsAlnum(c) || c == '_' || c == '-' || c == '.' || c == '%' || c == '[' || c == ']'; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool StartsWithWord(std::string_view text, std::string_view word) {
  return text.size() > word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) { return a == Lower(b); }) &&
         IsBlank(text[word.size()]);
}

// One pass over free text from separator to separator ("=", ":" and their percent-encoded forms): the key stands
// before it, the value behind it.
class TextRedactor {
 public:
  TextRedactor(const Masker& masker, std::string_view text) : masker_(masker), text_(text) {}

  std::optional<std::string> Run() {
    for (size_t at = text_.find_first_of("=:%"); at != kNone; at = text_.find_first_of("=:%", at)) {
      const size_t length = SeparatorLength(at);
      if (length == 0) {
        ++at;
        continue;
      }
      const Key key = KeyBefore(at);
      if (!key.text.empty() && masker_.IsSecretKey(key.text)) {
        const Span value = ValueAfter(at + length, key.quoted);
        Redact(value);
        at = std::max(at + length, value.end);
      } else {
        at = text_.substr(at, 3) == "://" ? PassUserInfo(at + 3) : at + length;
      }
    }
    if (copied_ == 0) {
      return std::nullopt;
    }
    out_.append(text_.substr(copied_));
    return std::move(out_);
  }

 private:
  struct Key {
    std::string_view text;
    bool quoted = false;
  };

  size_t SeparatorLength(size_t at) const {
    if (text_[at] != '%') {
      return 1;
    }
    const std::string_view code = text_.substr(at, 3);
    return code == "%3D" || code == "%3A" || code == "%3d" || code == "%3a" ? 3 : 0;
  }

  Key KeyBefore(size_t separator) const {
    const size_t stop = separator > kKeyBytesMax ? separator - kKeyBytesMax : 0;
    size_t end = separator;
    while (end > stop && IsBlank(text_[end - 1])) {
      --end;
    }
    if (end > stop && IsQuote(text_[end - 1])) {
      const char quote = text_[--end];
      while (end > stop && text_[end - 1] == '\\') {
        --end;
      }
      size_t begin = end;
      while (begin > stop && text_[begin - 1] != quote) {
        --begin;
      }
      return {text_.substr(begin, end - begin), true};
    }
    size_t begin = end;
    while (begin > stop && IsKeyChar(text_[begin - 1])) {
      --begin;
    }
    return {text_.substr(begin, end - begin), false};
  }

  size_t BackslashesAt(size_t at) const {
    size_t count = 0;
    while (at + count < text_.size() && text_[at + count] == '\\') {
      ++count;
    }
    return count;
  }

  size_t BackslashesBefore(size_t at, size_t begin) const {
    size_t count = 0;
    while (at > begin + count && text_[at - count - 1] == '\\') {
      ++count;
    }
    return count;
  }

  Span ValueAfter(size_t at, bool key_quoted) const {
    while (at < text_.size() && (IsBlank(text_[at]) || text_[at] == '=' || text_[at] == ':' || text_[at] == '>' ||
                                 (key_quoted && IsSpace(text_[at])))) {
      ++at;
    }
    if (at >= text_.size()) {
      return {at, at};
    }
    const size_t slashes = BackslashesAt(at);
    if (at + slashes < text_.size() && IsQuote(text_[at + slashes])) {
      const size_t begin = at + slashes + 1;
      return {begin, QuoteEnd(begin, text_[begin - 1], slashes)};
    }
    if (text_[at] == '{' || text_[at] == '[') {
      return {at, BracketEnd(at)};
    }
    return {at, TokenEnd(at, key_quoted)};
  }

  // Where the quoted value ends: at a quote that is escaped no deeper than the opening one.
  size_t QuoteEnd(size_t begin, char quote, size_t slashes) const {
    for (size_t at = text_.find(quote, begin); at != kNone; at = text_.find(quote, at + 1)) {
      const size_t before = BackslashesBefore(at, begin);
      if (slashes == 0 ? before % 2 == 0 : before <= slashes) {
        return at - std::min(before, slashes);
      }
    }
    return text_.size();
  }

  // Behind the bracket that closes the one at `at`; the end of the text when none does.
  size_t BracketEnd(size_t at) const {
    size_t depth = 0;
    size_t level = kNone;  // how deep the quotes of this value are escaped
    bool quoted = false;
    for (; at < text_.size(); ++at) {
      const char c = text_[at];
      if (c == '"') {
        const size_t before = BackslashesBefore(at, 0);
        level = level == kNone ? before : level;
        quoted = before <= level ? !quoted : quoted;
      } else if (!quoted && (c == '{' || c == '[')) {
        ++depth;
      } else if (!quoted && (c == '}' || c == ']') && --depth == 0) {
        return at + 1;
      }
    }
    return at;
  }

  // An unquoted value; an authentication scheme takes the credentials behind it along.
  size_t TokenEnd(size_t at, bool key_quoted) const {
    constexpr std::array<std::string_view, 6> kSchemes = {"bearer", "basic", "token", "negotiate", "apikey", "hmac"};
    const std::string_view rest = text_.substr(at);
    if (StartsWithWord(rest, "digest") || StartsWithWord(rest, "aws4-hmac-sha256")) {
      return std::min(text_.find_first_of("\r\n", at), text_.size());
    }
    for (const std::string_view scheme : kSchemes) {
      if (StartsWithWord(rest, scheme)) {
        at += scheme.size();
        while (at < text_.size() && IsBlank(text_[at])) {
          ++at;
        }
        if (const size_t slashes = BackslashesAt(at); at + slashes < text_.size() && IsQuote(text_[at + slashes])) {
          return QuoteEnd(at + slashes + 1, text_[at + slashes], slashes);
        }
        break;
      }
    }
    const std::string_view stops = key_quoted ? " \t\r\n&\"',}]" : " \t\r\n&\"'";
    size_t end = std::min(text_.find_first_of(stops, at), text_.size());
    if (end < text_.size() && IsQuote(text_[end])) {
      end -= BackslashesBefore(end, at);
    }
    return end;
  }

  // user:password@ of a URL. Returns where to go on.
  size_t PassUserInfo(size_t begin) {
    const size_t end = std::min(text_.find_first_of("/?# \t\r\n\"'<>\\", begin), text_.size());
    const size_t at = text_.substr(begin, end - begin).rfind('@');
    if (at == kNone) {
      return begin;
    }
    Redact({begin, begin + at});
    return begin + at;
  }

  void Redact(Span span) {
    if (span.begin >= span.end || span.begin < copied_) {
      return;
    }
    out_.append(text_.substr(copied_, span.begin - copied_));
    out_.append(kRedacted);
    copied_ = span.end;
  }

  const Masker& masker_;
  std::string_view text_;
  std::string out_;
  size_t copied_ = 0;
};

// Secrets that stand without a key: long runs behind a marker.
struct BareSecret {
  std::string_view marker;
  std::string_view punctuation;  // accepted in a run beside letters and digits
  size_t length_min;             // shorter runs are ordinary words
};
constexpr std::array<BareSecret, 4> kBareSecrets = {{{"bearer ", "-._~+/=", 16},
                                                     {"Bearer ", "-._~+/=", 16},
                                                     {"BEARER ", "-._~+/=", 16},
                                                     {"/ws/", "", 40}}};  // the venue's listen key

std::optional<std::string> RedactBare(std::string_view text, const BareSecret& secret) {
  std::string out;
  size_t copied = 0;
  for (size_t at = text.find(secret.marker); at != kNone; at = text.find(secret.marker, at + 1)) {
    const size_t begin = at + secret.marker.size();
    size_t end = begin;
    while (end < text.size() && (IsAlnum(text[end]) || secret.punctuation.find(text[end]) != kNone)) {
      ++end;
    }
    if (end - begin >= secret.length_min) {
      out.append(text.substr(copied, begin - copied)).append(kRedacted);
      copied = end;
    }
  }
  if (copied == 0) {
    return std::nullopt;
  }
  return out.append(text.substr(copied));
}

}  // namespace

std::optional<std::string> RedactText(const Masker& masker, std::string_view text) {
  if (text.empty()) {
    return std::nullopt;
  }
  if (const char first = text.front(); first == '{' || first == '[') {
    if (RedactedJson json = RedactJson(masker, text); json.valid) {
      return std::move(json.text);
    }
  }
  std::optional<std::string> redacted = TextRedactor(masker, text).Run();
  for (const BareSecret& secret : kBareSecrets) {
    if (auto again = RedactBare(redacted ? std::string_view(*redacted) : text, secret)) {
      redacted = std::move(again);
    }
  }
  return redacted;
}

}  // namespace quantum::log
