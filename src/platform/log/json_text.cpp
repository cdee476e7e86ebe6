#include "platform/log/json_text.h"

#include <fmt/format.h>

#include <cstdint>

namespace quantum::log {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool IsContinuation(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; }

// The length of the UTF-8 sequence at the start of text; 0 when it is broken (overlong, surrogate, cut off).
size_t SequenceLength(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) {
    return 1;
  }
  const size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                        : (lead & 0xF0) == 0xE0        ? 3
                        : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                       : 0;
  if (length == 0 || text.size() < length) {
    return 0;
  }
  const auto second = static_cast<uint8_t>(text[1]);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool outside = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);  // surrogates, > U+10FFFF
  if (overlong || outside) {
    return 0;
  }
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) {
      return 0;
    }
  }
  return length;
}

void AppendEscaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
  }
}

bool NeedsEscape(char c) { return c == '"' || c == '\\' || static_cast<uint8_t>(c) < 0x20 || c == 0x7F; }

std::string EncodeUtf8(uint32_t point) {
  std::string out;
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
  return out;
}

// The four hexadecimal digits of \uXXXX.
std::optional<uint32_t> Hex4(std::string_view digits) {
  if (digits.size() < 4) {
    return std::nullopt;
  }
  uint32_t value = 0;
  for (const char c : digits.substr(0, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) {
      return std::nullopt;
    }
    value = value * 16 + static_cast<uint32_t>(digit);
  }
  return value;
}

struct Unescaped {
  std::string text;
  size_t length = 0;  // characters used after "\u"
};

// \uXXXX, or a pair of surrogates; a lone surrogate becomes U+FFFD.
std::optional<Unescaped> UnescapeUnicode(std::string_view rest) {
  const auto high = Hex4(rest);
  if (!high) {
    return std::nullopt;
  }
  if (*high < 0xD800 || *high > 0xDFFF) {
    return Unescaped{EncodeUtf8(*high), 4};
  }
  if (*high < 0xDC00 && rest.size() >= 10 && rest.substr(4, 2) == "\\u") {
    const auto low = Hex4(rest.substr(6));
    if (low && *low >= 0xDC00 && *low <= 0xDFFF) {
      return Unescaped{EncodeUtf8(0x10000 + ((*high - 0xD800) << 10) + (*low - 0xDC00)), 10};
    }
  }
  return Unescaped{std::string(kReplacement), 4};
}

char SimpleEscape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return '\0';
  }
}

}  // namespace

void JsonLine::Quote(std::string_view text) {
  text_.push_back('"');
  size_t copied = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t length = SequenceLength(text.substr(i));
    if (length != 0 && !NeedsEscape(text[i])) {
      i += length;
      continue;
    }
    text_.append(text.substr(copied, i - copied));
    if (length == 0) {
      text_.append(kReplacement);
    } else {
      AppendEscaped(text_, text[i]);
    }
    copied = ++i;
  }
  text_.append(text.substr(copied));
  text_.push_back('"');
}

void JsonLine::Key(std::string_view key) {
  if (text_.size() > 1) {
    text_ += ", ";
  }
  Quote(key);
  text_ += ": ";
}

void JsonLine::String(std::string_view key, std::string_view value) {
  Key(key);
  Quote(value);
}

void JsonLine::Raw(std::string_view key, std::string_view json) {
  Key(key);
  text_ += json;
}

std::string JsonLine::Take() && {
  text_.push_back('}');
  return std::move(text_);
}

std::string JsonQuote(std::string_view text) {
  JsonLine line;
  line.String("", text);
  const std::string object = std::move(line).Take();  // {"": "text"}
  return object.substr(5, object.size() - 6);
}

std::optional<std::string> JsonUnescape(std::string_view raw) {
  std::string text;
  text.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      text.push_back(raw[i]);
      continue;
    }
    if (++i == raw.size()) {
      return std::nullopt;
    }
    if (raw[i] == 'u') {
      const auto unescaped = UnescapeUnicode(raw.substr(i + 1));
      if (!unescaped) {
        return std::nullopt;
      }
      text += unescaped->text;
      i += unescaped->length;
      continue;
    }
    const char c = SimpleEscape(raw[i]);
    if (c == '\0') {
      return std::nullopt;
    }
    text.push_back(c);
  }
  return text;
}

bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = SequenceLength(text.substr(i));
    if (length == 0) {
      return false;
    }
    i += length;
  }
  return true;
}

}  // namespace quantum::log
