#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <memory>
#include <vector>

#include "operator/commands/command.h"
#include "operator/commands/nearest.h"
#include "operator/output.h"

namespace quantum::operate {

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// Its exit code; what it prints comes on our own standard output, or into `printed`.
int RunToEnd(const fs::path& program, std::string* printed) {
  int channel[2] = {-1, -1};
  if (printed != nullptr && ::pipe(channel) != 0) {
    return 127;
  }
  FlushOutput();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::signal(SIGPIPE, SIG_DFL);
    if (printed != nullptr) {
      ::dup2(channel[1], STDOUT_FILENO);
      ::close(channel[0]);
      ::close(channel[1]);
    }
    ::execl(program.c_str(), program.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  if (printed != nullptr) {
    ::close(channel[1]);
    char chunk[4096];
    ssize_t got = 0;
    while ((got = ::read(channel[0], chunk, sizeof(chunk))) > 0 || (got < 0 && errno == EINTR)) {
      printed->append(chunk, static_cast<size_t>(std::max<ssize_t>(got, 0)));
    }
    ::close(channel[0]);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool IsBenchmark(const std::string& name) {
  return name.starts_with("bench") || name.ends_with("_benchmark") || name.ends_with("_bench");
}

Status Bench(const Context& context, const std::string& filter) {
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path();
  std::vector<fs::path> programs;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (IsBenchmark(name) && entry.is_regular_file()) {
      names.push_back(name);
      if (name.find(filter) != std::string::npos) {
        programs.push_back(entry.path());
      }
    }
  }
  std::sort(programs.begin(), programs.end());
  std::sort(names.begin(), names.end());
  if (programs.empty()) {
    return Error{Errc::kNotFound, names.empty() ? fmt::format("no benchmark is built in {}", folder.string())
                                                : NoSuch("benchmark", filter, names)};
  }
  std::vector<std::string> failed;
  json::array results;
  for (const fs::path& program : programs) {
    const std::string name = program.filename().string();
    std::string printed;
    if (!context.json) {
      Print("== {}\n", name);
    }
    const int code = RunToEnd(program, context.json ? &printed : nullptr);
    if (code != 0) {
      failed.push_back(name);
    }
    results.push_back({{"benchmark", name}, {"exit_code", code}, {"output", printed}});
  }
  if (context.json) {
    Print("{}\n", json::serialize(json::object{{"benchmarks", std::move(results)}}));
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
  command->add_flag("--json", context.json, "One JSON object, when all have ended: exit code and output of each");
  command->callback([&context, filter] { context.Finish(Bench(context, *filter)); });
}

}  // namespace quantum::operate
