#include "operator/supervisor/leftovers.h"

#include <fmt/format.h>

#include <cstdlib>

#include "operator/state/environment.h"

namespace quantum::operate {

std::vector<Leftover> Leftovers(const Layout& layout, const config::Manifest& manifest) {
  std::vector<Leftover> all;
  const Variables variables = PlainVariables(layout, manifest);
  for (const config::Unit& unit : manifest.units()) {
    const auto path = RenderPlain(unit.pid_file, variables, unit.name);
    const auto text = path.ok() && !path->empty() ? ReadFile(*path) : Result<std::string>(Error{});
    const pid_t pid = text.ok() ? std::atoi(text->c_str()) : 0;
    if (pid <= 1) {
      continue;
    }
    const auto identity = Identify(pid);
    const auto command = ReadFile(fmt::format("/proc/{}/cmdline", pid));
    if (identity.ok() && command.ok() && command->find(layout.root) != std::string::npos) {
      all.push_back({.unit = unit.name, .process = *identity});
    }
  }
  return all;
}

}  // namespace quantum::operate
