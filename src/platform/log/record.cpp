#include "platform/log/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "platform/log/json_text.h"
#include "platform/log/mask_text.h"

namespace quantum::log {
namespace {

constexpr std::array<std::string_view, 9> kFixed = {"asctime", "name",   "levelname", "message", "correlation_id",
                                                    "service", "module", "funcName",  "lineno"};

class Formatter {
 public:
  explicit Formatter(const Masker& masker) : masker_(masker) {}

  void Text(std::string_view key, std::string_view text) {
    const std::optional<std::string> redacted = RedactText(masker_, text);
    line_.String(key, redacted ? std::string_view(*redacted) : text);
  }

  void Own(const Field& field) {
    const bool taken = std::find(kFixed.begin(), kFixed.end(), field.key) != kFixed.end();
    const std::string renamed = taken ? std::string(field.key) + "_" : std::string();
    const std::string_view key = taken ? std::string_view(renamed) : field.key;
    if (masker_.IsSecretKey(field.key)) {
      line_.String(key, kRedacted);
      return;
    }
    std::visit([&](const auto& value) { Value(key, value); }, field.value);
  }

  JsonLine& line() { return line_; }

 private:
  void Value(std::string_view key, std::string_view value) { Text(key, value); }
  void Value(std::string_view key, int64_t value) { line_.Raw(key, fmt::format_int(value).c_str()); }
  void Value(std::string_view key, uint64_t value) { line_.Raw(key, fmt::format_int(value).c_str()); }
  void Value(std::string_view key, bool value) { line_.Raw(key, value ? "true" : "false"); }
  void Value(std::string_view key, double value) {
    if (std::isfinite(value)) {
      line_.Raw(key, fmt::format("{}", value));
    } else {
      line_.String(key, fmt::format("{}", value));  // JSON knows neither nan nor inf
    }
  }
  void Value(std::string_view key, const Field::Json& json) {
    const RedactedJson redacted = RedactJson(masker_, json.text);
    if (!redacted.valid) {
      Text(key, json.text);
      return;
    }
    std::string text = redacted.text ? *redacted.text : std::string(json.text);
    // In valid JSON a line break can only stand between values.
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    line_.Raw(key, text);
  }

  const Masker& masker_;
  JsonLine line_;
};

}  // namespace

std::string FormatRecord(const Masker& masker, std::string_view service, const Record& record) {
  Formatter formatter(masker);
  JsonLine& line = formatter.line();
  line.String("asctime", FormatIso8601(record.time));
  line.String("name", service);
  line.String("levelname", ToString(record.level));
  formatter.Text("message", record.message);
  line.String("correlation_id", record.correlation_id);
  line.String("service", service);
  line.String("module", FileStem(record.where.file_name()));
  line.String("funcName", BareFunctionName(record.where.function_name()));
  line.Raw("lineno", fmt::format_int(record.where.line()).c_str());
  for (const Field& field : record.fields) {
    formatter.Own(field);
  }
  return std::move(line).Take() + "\n";
}

std::string_view BareFunctionName(std::string_view signature) {
  signature = signature.substr(0, signature.find(" [with "));
  // "decltype (fn()) Foo()": the return type's own parentheses are not the parameters.
  if (const size_t close = signature.find(") "); signature.starts_with("decltype") && close != std::string_view::npos) {
    signature.remove_prefix(close + 2);
  }
  // The name ends at the first parenthesis outside template arguments; what follows are parameters, or a lambda inside.
  size_t end = signature.size();
  int depth = 0;
  for (size_t i = 0; i < signature.size(); ++i) {
    depth += signature[i] == '<' ? 1 : signature[i] == '>' ? -1 : 0;
    if (signature[i] == '(' && depth == 0) {
      end = i;
      break;
    }
  }
  std::string_view name = signature.substr(0, end);
  if (name.ends_with('>')) {  // template arguments of the function itself
    for (size_t i = name.size(), open = 0; i-- > 0;) {
      open += name[i] == '>' ? 1 : name[i] == '<' ? static_cast<size_t>(-1) : 0;
      if (open == 0) {
        name = name.substr(0, i);
        break;
      }
    }
  }
  const size_t begin = name.find_last_of(": *&");
  return begin == std::string_view::npos ? name : name.substr(begin + 1);
}

std::string_view FileStem(std::string_view path) {
  const size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return name.substr(0, name.rfind('.'));
}

}  // namespace quantum::log
