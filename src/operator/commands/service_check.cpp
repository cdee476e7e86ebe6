#include "operator/commands/service_check.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "operator/process/words.h"

namespace quantum::operate {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kCheckDeadline(10);

// One that ends before its deadline; its exit status.
Result<int> RunToEnd(const ProcessSpec& spec) {
  QUANTUM_TRY(const pid_t pid, Spawn(spec));
  const auto until = std::chrono::steady_clock::now() + kCheckDeadline;
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) {
      ::kill(pid, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return status;
}

Status CheckService(const std::string& unit, ProcessSpec spec, const std::string& scratch) {
  spec.command.push_back("--check");
  spec.output_path = fmt::format("{}/check-{}", scratch, unit);
  const auto status = RunToEnd(spec);
  const std::string said = TailSince(spec.output_path, 0, 1);
  std::error_code ignored;
  fs::remove(spec.output_path, ignored);
  if (!status.ok()) {
    return status.error();
  }
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("{} refuses its configuration: {}", unit, said.empty() ? "it does not say why" : said)};
  }
  return {};
}

}  // namespace

Result<int> CheckServices(const config::Manifest& manifest, const Launch& launch) {
  std::error_code error;
  const std::string programs = fs::read_symlink("/proc/self/exe", error).parent_path().string();
  std::string scratch = (fs::temp_directory_path() / "quantum-check-XXXXXX").string();
  if (error || ::mkdtemp(scratch.data()) == nullptr) {
    return Error{Errc::kInternal, fmt::format("there is no room for a temporary directory such as {}", scratch)};
  }
  const Layout layout{scratch};
  int asked = 0;
  Status status;
  for (const config::Unit& unit : manifest.units()) {
    if (unit.kind != config::Unit::Kind::kService || unit.command.empty()) {
      continue;
    }
    auto spec = UnitProcess(layout, launch, manifest, unit, {});
    if (!spec.ok()) {
      status = spec.error();
      break;
    }
    std::string& program = spec->command.front();
    if (program.starts_with(layout.Bin() + "/")) {
      program = programs + program.substr(layout.Bin().size());
    }
    spec->environment["QUANTUM_MANIFEST"] = manifest.path();
    status = ::access(program.c_str(), X_OK) == 0
                 ? CheckService(unit.name, std::move(spec).value(), scratch)
                 : Error{Errc::kNotFound, fmt::format("{} is not built, so the options of {} cannot be checked; build "
                                                      "everything with ./quantum up",
                                                      program, unit.name)};
    if (!status.ok()) {
      break;
    }
    ++asked;
  }
  fs::remove_all(scratch, error);
  return status.ok() ? Result<int>(asked) : status.error();
}

}  // namespace quantum::operate
