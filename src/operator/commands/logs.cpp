#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <memory>
#include <thread>

#include "operator/commands/command.h"
#include "operator/commands/nearest.h"
#include "operator/output.h"

namespace quantum::operate {

namespace {

constexpr std::chrono::milliseconds kPoll(200);

struct LogsOptions {
  std::string unit;
  int lines = 50;
  bool follow = false;
  bool output = false;
};

// The service's own JSON log where it writes one, else what the process printed.
std::string ChooseFile(const Layout& layout, const LogsOptions& wanted) {
  if (!wanted.output) {
    for (const std::string& path : {fmt::format("{}/{}-service.log", layout.ServiceLog(), wanted.unit),
                                    fmt::format("{}/{}.log", layout.ServiceLog(), wanted.unit),
                                    fmt::format("{}/{}.log", layout.Log(), wanted.unit)}) {
      if (::access(path.c_str(), R_OK) == 0) {
        return path;
      }
    }
  }
  return layout.UnitOutput(wanted.unit);
}

void PrintNew(int file, off_t& position) {
  std::array<char, 65536> chunk;
  struct stat info {};
  if (::fstat(file, &info) == 0 && info.st_size < position) {
    position = 0;  // cut by rotation
  }
  for (ssize_t got = 0; !OutputFailed() && (got = ::pread(file, chunk.data(), chunk.size(), position)) > 0;
       position += got) {
    Write({chunk.data(), static_cast<size_t>(got)});
  }
  FlushOutput();
}

bool WasReplaced(int file, const std::string& path) {
  struct stat open_file {};
  struct stat named {};
  return ::fstat(file, &open_file) == 0 && ::stat(path.c_str(), &named) == 0 && open_file.st_ino != named.st_ino;
}

Status Follow(const std::string& path) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  off_t position = file < 0 ? 0 : ::lseek(file, 0, SEEK_END);
  while (file >= 0 && !OutputFailed()) {
    PrintNew(file, position);
    if (WasReplaced(file, path)) {
      ::close(file);
      file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      position = 0;
    }
    std::this_thread::sleep_for(kPoll);
  }
  if (file < 0) {
    return Error{Errc::kNotFound, fmt::format("{} is gone", path)};
  }
  ::close(file);
  return {};
}

Status ShowLogs(const Context& context, const LogsOptions& wanted) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  if (running.manifest.FindUnit(wanted.unit) == nullptr && wanted.unit != "supervisor") {
    std::vector<std::string> names{"supervisor"};
    for (const config::Unit& unit : running.manifest.units()) {
      names.push_back(unit.name);
    }
    return Error{Errc::kInvalidArgument, NoSuch("unit", wanted.unit, names)};
  }
  const std::string path = ChooseFile(running.layout, wanted);
  if (::access(path.c_str(), R_OK) != 0) {
    return Error{Errc::kNotFound, fmt::format("{} cannot be read; has the unit ever run, and are you its user?", path)};
  }
  Print("{}\n", Tail(path, wanted.lines));
  FlushOutput();
  return wanted.follow ? Follow(path) : Status();
}

}  // namespace

void AddLogs(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("logs", "The newest log lines of a unit, or of `supervisor`");
  auto wanted = std::make_shared<LogsOptions>();
  command->add_option("UNIT", wanted->unit, "A unit of the manifest, or supervisor")->required();
  command->add_option("-n,--lines", wanted->lines, "How many lines")->check(CLI::Range(1, 100000))->type_name("N");
  command->add_flag("-f,--follow", wanted->follow, "Go on printing what is added");
  command->add_flag("--output", wanted->output, "What the process printed, rather than its log");
  command->callback([&context, wanted] { context.Finish(ShowLogs(context, *wanted)); });
}

}  // namespace quantum::operate
