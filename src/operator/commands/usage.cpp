#include "operator/commands/usage.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <vector>

#include "operator/commands/nearest.h"

namespace quantum::operate {

namespace {

// Those that the help shows.
std::vector<std::string> Subcommands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!each->get_group().empty()) {
      names.push_back(each->get_name());
    }
  }
  if (app.get_parent() == nullptr) {
    names.push_back("test");  // the entry script's
  }
  return names;
}

std::vector<std::string> Options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* each = &app; each != nullptr; each = each->get_parent()) {
    for (const CLI::Option* option : each->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        names.push_back("--" + name);
      }
    }
  }
  return names;
}

// The command that the words led to: "./quantum bus tail".
const CLI::App& Reached(const CLI::App& app) {
  const std::vector<CLI::App*> next = app.get_subcommands();
  return next.empty() ? app : Reached(*next.back());
}

std::string NameOf(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : fmt::format("{} {}", NameOf(*app.get_parent()), app.get_name());
}

}  // namespace

std::string WrongUsage(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& reached = Reached(app);
  const std::string help = fmt::format("see {} --help", NameOf(reached));
  const std::vector<std::string> subcommands = Subcommands(reached);
  const std::vector<std::string> extras = app.remaining(true);
  if (extras.empty()) {
    const bool no_command = !subcommands.empty() && error.get_name() == "RequiredError";
    return no_command ? fmt::format("{} needs one of {}; {}", NameOf(reached), fmt::join(subcommands, ", "), help)
                      : fmt::format("{}; {}", error.what(), help);
  }
  const std::string& word = extras.front();
  if (word.starts_with("-")) {
    const auto nearest = Nearest(word.substr(0, word.find('=')), Options(reached));
    return fmt::format("{} has no option {}; {}{}", NameOf(reached), word,
                       nearest ? fmt::format("did you mean {}? ", *nearest) : "", help);
  }
  if (!subcommands.empty()) {
    return NoSuch("command", word, subcommands);
  }
  return fmt::format("{} does not know what to do with '{}'; {}", NameOf(reached), word, help);
}

}  // namespace quantum::operate
