#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace quantum::operate {

// What was wrong with a command line that `app` could not take, in one sentence that names what was probably meant, or
// where the help is.
std::string WrongUsage(const CLI::App& app, const CLI::ParseError& error);

}  // namespace quantum::operate
