#include "operator/backup/pgbackrest.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <thread>

namespace quantum::operate {

namespace {

constexpr std::chrono::milliseconds kOutputPoll(50);

// Whole lines that a growing file got since the last call.
class Lines {
 public:
  explicit Lines(const std::string& path) : file_(path) { file_.seekg(0, std::ios::end); }

  void Read(const PgBackRest::OnLine& on_line) {
    file_.clear();
    for (char c = 0; file_.get(c);) {
      if (c != '\n') {
        rest_ += c;
        continue;
      }
      on_line(rest_);
      rest_.clear();
    }
  }

  // At the end: the last line may have none of its own.
  void Finish(const PgBackRest::OnLine& on_line) {
    Read(on_line);
    if (!rest_.empty()) {
      on_line(rest_);
    }
  }

 private:
  std::ifstream file_;
  std::string rest_;
};

Error Judge(const std::string& program, const std::string& complaint, int status) {
  const std::string what = !complaint.empty()    ? complaint
                           : WIFSIGNALED(status) ? fmt::format("was killed by signal {}", WTERMSIG(status))
                                                 : fmt::format("exited with code {}", WEXITSTATUS(status));
  const bool full = what.find("No space left on device") != std::string::npos ||
                    what.find("Disk quota exceeded") != std::string::npos;
  const bool locked = what.find("unable to acquire lock") != std::string::npos;
  return {full ? Errc::kExhausted : locked ? Errc::kConflict : Errc::kInternal, fmt::format("{}: {}", program, what)};
}

}  // namespace

Result<PgBackRest> PgBackRest::Of(const Running& running, const std::string& node) {
  PgBackRest program;
  program.config_ = fmt::format("{}/{}/pgbackrest.conf", running.layout.Etc(), node);
  program.log_ = running.layout.UnitOutput("backup");
  program.password_file_ = running.layout.Data() + "/backup/pgpass";
  if (::geteuid() == 0) {
    QUANTUM_TRY(program.account_, FindAccount(kPostgresUser));
  }
  return program;
}

Result<pid_t> PgBackRest::Start(const std::vector<std::string>& command, const std::string& output) const {
  return Spawn({.command = command,
                .environment = {{"PATH", fmt::format("{}:/usr/bin:/bin", kPostgresPrograms)},
                                {"LANG", "C.UTF-8"},
                                {"TZ", "UTC"},
                                {"PGPASSFILE", password_file_}},
                .account = account(),
                .output_path = output});
}

Status PgBackRest::RunProgram(const std::vector<std::string>& command, const OnLine& on_line) const {
  std::ofstream(log_, std::ios::app).flush();  // there must be one to read from
  Lines lines(log_);
  std::string complaint;
  const auto listen = [&](const std::string& line) {
    // The first one is the cause; what follows it is about what could not be done then.
    const size_t error = line.find("ERROR: ");
    if (complaint.empty() && error != std::string::npos) {
      complaint = line.substr(error + 7);
    }
    if (on_line) {
      on_line(line);
    }
  };
  QUANTUM_TRY(const pid_t pid, Start(command, log_));
  int status = 0;
  while (true) {
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    lines.Read(listen);
    if (ended == pid || (ended < 0 && errno != EINTR)) {
      break;
    }
    std::this_thread::sleep_for(kOutputPoll);
  }
  lines.Finish(listen);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? Status() : Status(Judge(command.front(), complaint, status));
}

Status PgBackRest::Run(const std::vector<std::string>& arguments, const OnLine& on_line) const {
  std::vector<std::string> command{"/usr/bin/pgbackrest", "--config=" + config_, "--stanza=quantum"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RunProgram(command, on_line);
}

Result<RepositoryInfo> PgBackRest::Info() const {
  std::string text;
  QUANTUM_CHECK(
      Run({"--log-level-console=off", "--output=json", "info"}, [&](const std::string& line) { text += line + "\n"; }));
  return ParseInfo(text);
}

}  // namespace quantum::operate
