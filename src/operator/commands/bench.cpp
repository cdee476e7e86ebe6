#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <vector>

#include "operator/commands/command.h"

namespace quantum::operate {

namespace {

namespace fs = std::filesystem;

int RunInForeground(const fs::path& program) {
  std::fflush(stdout);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execl(program.c_str(), program.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Status Bench(const std::string& filter) {
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path();
  std::vector<fs::path> programs;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool is_benchmark = name.starts_with("bench") || name.ends_with("_benchmark") || name.ends_with("_bench");
    if (is_benchmark && entry.is_regular_file() && name.find(filter) != std::string::npos) {
      programs.push_back(entry.path());
    }
  }
  std::sort(programs.begin(), programs.end());
  if (programs.empty()) {
    return Error{Errc::kNotFound, fmt::format("no benchmark named like '{}' is built in {}", filter, folder.string())};
  }
  std::vector<std::string> failed;
  for (const fs::path& program : programs) {
    fmt::print("== {}\n", program.filename().string());
    if (RunInForeground(program) != 0) {
      failed.push_back(program.filename().string());
    }
  }
  if (!failed.empty()) {
    return Error{Errc::kInternal, fmt::format("failed or below its goal: {}", fmt::join(failed, ", "))};
  }
  return {};
}

}  // namespace

void AddBench(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("bench", "Run the benchmarks; each prints its ratio to a peer or a limit");
  auto filter = std::make_shared<std::string>();
  command->add_option("FILTER", *filter, "Only those whose name contains this");
  command->callback([&context, filter] { context.Finish(Bench(*filter)); });
}

}  // namespace quantum::operate
