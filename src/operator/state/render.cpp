#include "operator/state/render.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantum::operate {

namespace {

bool IsNameCharacter(char c, bool first) {
  return (c >= 'A' && c <= 'Z') || (!first && ((c >= '0' && c <= '9') || c == '_'));
}

// The length of "${NAME}" at the start of text; 0 when it is something else.
size_t VariableLength(std::string_view text) {
  if (text.size() < 4 || text[0] != '$' || text[1] != '{' || !IsNameCharacter(text[2], true)) {
    return 0;
  }
  size_t end = 3;
  while (end < text.size() && IsNameCharacter(text[end], false)) {
    ++end;
  }
  return end < text.size() && text[end] == '}' ? end + 1 : 0;
}

}  // namespace

Result<Rendered> Render(std::string_view text, const Variables& variables, std::string_view origin) {
  Rendered result;
  result.text.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t length = VariableLength(text.substr(at));
    if (length == 0) {
      result.text += text[at++];
      continue;
    }
    const std::string name(text.substr(at + 2, length - 3));
    if (const auto plain = variables.plain.find(name); plain != variables.plain.end()) {
      result.text += plain->second;
    } else if (const auto secret = variables.secret.find(name); secret != variables.secret.end()) {
      result.text += secret->second;
      result.has_secret = true;
    } else {
      const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      return Error{Errc::kInvalidArgument,
                   fmt::format("{}:{}: there is no variable ${{{}}}; infra/README.md lists them", origin, line, name)};
    }
    at += length;
  }
  return result;
}

Result<std::string> RenderPlain(std::string_view text, const Variables& variables, std::string_view origin) {
  QUANTUM_TRY(Rendered rendered, Render(text, variables, origin));
  if (rendered.has_secret) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("{}: a secret must not stand in a command or an environment; give the file's path "
                             "(${{SECRETS}}/name) instead",
                             origin)};
  }
  return std::move(rendered.text);
}

}  // namespace quantum::operate
