#include "bench/command_line/command_line.h"

#include <CLI/CLI.hpp>

namespace quantum::bench {

struct CommandLine::Impl {
  CLI::App app;
};

CommandLine::CommandLine(const std::string& description) : impl_(new Impl{.app = CLI::App(description)}) {}
CommandLine::~CommandLine() = default;

void CommandLine::Add(const std::string& name, Number value, double least, double most, const std::string& meaning) {
  std::visit(
      [&](auto* number) {
        using T = std::remove_pointer_t<decltype(number)>;
        impl_->app.add_option(name, *number, meaning)
            ->check(CLI::Range(static_cast<T>(least), static_cast<T>(most)))
            ->capture_default_str();
      },
      value);
}

void CommandLine::Add(const std::string& name, Value value, const std::string& meaning) {
  std::visit(
      [&](auto* one) {
        CLI::Option* const option = impl_->app.add_option(name, *one, meaning);
        if constexpr (std::is_same_v<decltype(one), std::vector<double>*>) {
          option->delimiter(',');  // not of paths, which may hold commas
        }
      },
      value);
}

void CommandLine::AddFlag(const std::string& name, bool& value, const std::string& meaning) {
  impl_->app.add_flag(name, value, meaning);
}

void CommandLine::Needs(const std::string& name, const std::string& other) {
  impl_->app.get_option(name)->needs(impl_->app.get_option(other));
}

void CommandLine::Excludes(const std::string& name, const std::string& other) {
  impl_->app.get_option(name)->excludes(impl_->app.get_option(other));
}

std::optional<int> CommandLine::Parse(int argc, char** argv) {
  try {
    impl_->app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return impl_->app.exit(error);
  }
}

}  // namespace quantum::bench
