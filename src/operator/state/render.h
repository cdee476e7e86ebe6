#pragma once

#include <map>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace quantum::operate {

// What ${VARIABLES} stand for. Secrets are kept apart: a text that uses one must be written so that only its owner can
// read it, and a command line must not use one at all.
struct Variables {
  std::map<std::string, std::string> plain;
  std::map<std::string, std::string> secret;
};

struct Rendered {
  std::string text;
  bool has_secret = false;
};

// Replaces ${NAME} (A-Z, 0-9 and _, beginning with a letter); everything else, $name of nginx and ${name} of the shell
// included, stays as it is. kInvalidArgument names origin and line of a variable that does not exist.
Result<Rendered> Render(std::string_view text, const Variables& variables, std::string_view origin);

// As Render, for commands and environments: a secret is an error too.
Result<std::string> RenderPlain(std::string_view text, const Variables& variables, std::string_view origin);

}  // namespace quantum::operate
