#include "platform/log/json_text.h"
#include "platform/log/mask_text.h"

namespace quantum::log {
namespace {

constexpr int kDepthMax = 64;

// Walks JSON once, checks its grammar, and copies only around what it redacts: numbers and blanks stay as they are.
class JsonRedactor {
 public:
  JsonRedactor(const Masker& masker, std::string_view json) : masker_(masker), json_(json) {}

  RedactedJson Run() {
    SkipBlanks();
    if (!IsUtf8(json_) || !Value(false, 0)) {
      return {};
    }
    SkipBlanks();
    if (at_ != json_.size()) {
      return {};
    }
    if (copied_ == 0) {
      return {true, std::nullopt};
    }
    out_.append(json_.substr(copied_));
    return {true, std::move(out_)};
  }

 private:
  bool Value(bool quiet, int depth) {
    if (at_ >= json_.size() || depth > kDepthMax) {
      return false;
    }
    switch (json_[at_]) {
      case '{':
        return Object(quiet, depth);
      case '[':
        return Array(quiet, depth);
      case '"':
        return StringValue(quiet);
      case 't':
        return Word("true");
      case 'f':
        return Word("false");
      case 'n':
        return Word("null");
      default:
        return Number();
    }
  }

  bool Object(bool quiet, int depth) {
    ++at_;
    SkipBlanks();
    if (Take('}')) {
      return true;
    }
    do {
      SkipBlanks();
      std::string_view key;
      if (!String(key)) {
        return false;
      }
      SkipBlanks();
      if (!Take(':')) {
        return false;
      }
      SkipBlanks();
      if (!Member(key, quiet, depth)) {
        return false;
      }
      SkipBlanks();
    } while (Take(','));
    return Take('}');
  }

  // The value of a key: of a secret one it goes as a whole, whatever it holds.
  bool Member(std::string_view raw_key, bool quiet, int depth) {
    const bool escaped = raw_key.find('\\') != std::string_view::npos;
    const std::optional<std::string> key = escaped ? JsonUnescape(raw_key) : std::nullopt;
    if (escaped && !key) {
      return false;
    }
    const bool secret = !quiet && masker_.IsSecretKey(key ? std::string_view(*key) : raw_key);
    const size_t begin = at_;
    if (!Value(quiet || secret, depth + 1)) {
      return false;
    }
    if (secret) {
      Replace(begin, JsonQuote(kRedacted));
    }
    return true;
  }

  bool Array(bool quiet, int depth) {
    ++at_;
    SkipBlanks();
    if (Take(']')) {
      return true;
    }
    do {
      SkipBlanks();
      if (!Value(quiet, depth + 1)) {
        return false;
      }
      SkipBlanks();
    } while (Take(','));
    return Take(']');
  }

  bool StringValue(bool quiet) {
    const size_t begin = at_;
    std::string_view raw;
    if (!String(raw)) {
      return false;
    }
    const bool escaped = raw.find('\\') != std::string_view::npos;
    const std::optional<std::string> text = escaped ? JsonUnescape(raw) : std::nullopt;
    if (escaped && !text) {
      return false;
    }
    if (quiet) {
      return true;
    }
    // The text may hold JSON again; it is shorter than what it stands in, so this ends.
    if (const auto redacted = RedactText(masker_, text ? std::string_view(*text) : raw)) {
      Replace(begin, JsonQuote(*redacted));
    }
    return true;
  }

  // The inside of a string, still escaped. The parser's own register, not an output for callers.
  bool String(std::string_view& raw) {
    if (!Take('"')) {
      return false;
    }
    const size_t begin = at_;
    for (; at_ < json_.size() && json_[at_] != '"'; ++at_) {
      if (static_cast<unsigned char>(json_[at_]) < 0x20) {
        return false;
      }
      at_ += json_[at_] == '\\' ? 1 : 0;
    }
    if (at_ >= json_.size()) {
      return false;
    }
    raw = json_.substr(begin, at_ - begin);
    ++at_;
    return true;
  }

  bool Number() {
    Take('-');
    const size_t whole = at_;
    if (Digits() == 0 || (json_[whole] == '0' && at_ - whole > 1)) {
      return false;
    }
    if (Take('.') && Digits() == 0) {
      return false;
    }
    if (Take('e') || Take('E')) {
      if (!Take('+')) {
        Take('-');
      }
      return Digits() != 0;
    }
    return true;
  }

  size_t Digits() {
    const size_t begin = at_;
    while (at_ < json_.size() && json_[at_] >= '0' && json_[at_] <= '9') {
      ++at_;
    }
    return at_ - begin;
  }

  bool Word(std::string_view word) {
    if (json_.substr(at_, word.size()) != word) {
      return false;
    }
    at_ += word.size();
    return true;
  }

  bool Take(char c) {
    if (at_ >= json_.size() || json_[at_] != c) {
      return false;
    }
    ++at_;
    return true;
  }

  void SkipBlanks() {
    at_ = json_.find_first_not_of(" \t\r\n", at_);
    if (at_ == std::string_view::npos) {
      at_ = json_.size();
    }
  }

  // What was read since begin is replaced.
  void Replace(size_t begin, std::string_view by) {
    out_.append(json_.substr(copied_, begin - copied_)).append(by);
    copied_ = at_;
  }

  const Masker& masker_;
  std::string_view json_;
  size_t at_ = 0;
  size_t copied_ = 0;
  std::string out_;
};

}  // namespace

RedactedJson RedactJson(const Masker& masker, std::string_view json) { return JsonRedactor(masker, json).Run(); }

}  // namespace quantum::log
