#include "operator/backup/pgbackrest.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

namespace quantum::operate {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds kOutputPoll(50);

// The whole lines that a growing file got since the last call.
class Lines {
 public:
  explicit Lines(const std::string& path) : file_(path) {}

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

// The file that a program prints to, and that becomes a part of the log.
class Output {
 public:
  Output(const std::string& folder, std::string log) : log_(std::move(log)) {
    static std::atomic<int> number{0};
    path_ = fmt::format("{}/backup-{}-{}.out", folder, ::getpid(), ++number);
    std::ofstream(path_).flush();  // there must be one to read from
  }
  ~Output() {
    std::ofstream(log_, std::ios::app) << std::ifstream(path_).rdbuf();
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string log_;
  std::string path_;
};

constexpr const char* kWrongKey = " (is secrets/backup-cipher the key that the repository was made with?)";

// What a program that failed says of it.
class Complaint {
 public:
  // The first line that calls itself an error is the cause; what follows is about what could not be done then. A script
  // of ours says the sentence that counts last.
  void Hear(const std::string& line) {
    const bool goes_on = line.starts_with("   ") && goes_on_;
    goes_on_ = goes_on;
    if (goes_on && first_.size() < kComplaintMax) {
      first_ += " " + line.substr(line.find_first_not_of(' '));
    }
    for (const std::string_view mark : {"ERROR: ", "error: ", "FATAL:  ", "gzip: "}) {
      if (const size_t at = line.find(mark); first_.empty() && at != std::string::npos) {
        first_ = line.substr(at + (mark == "gzip: " ? 0 : mark.size()));
        goes_on_ = true;
      }
    }
    for (const std::string_view script : {"backup.sh: ", "restore.sh: "}) {
      if (line.starts_with(script)) {
        script_ = line.substr(script.size());
      }
    }
  }
  std::string text() const {
    return script_.empty() ? first_ : first_.empty() ? script_ : fmt::format("{}: {}", script_, first_);
  }

 private:
  static constexpr size_t kComplaintMax = 300;
  std::string first_;  // with the lines that are indented below it: pgBackRest's causes
  std::string script_;
  bool goes_on_ = false;
};

Error Judge(const std::string& program, const std::string& complaint, int status) {
  const std::string what = !complaint.empty()    ? complaint
                           : WIFSIGNALED(status) ? fmt::format("was killed by signal {}", WTERMSIG(status))
                                                 : fmt::format("exited with code {}", WEXITSTATUS(status));
  const bool full = what.find("No space left on device") != std::string::npos ||
                    what.find("Disk quota exceeded") != std::string::npos;
  const bool locked = what.find("unable to acquire lock") != std::string::npos;
  const bool unreadable = what.find("unable to load info file") != std::string::npos;
  return {full     ? Errc::kExhausted
          : locked ? Errc::kConflict
                   : Errc::kInternal,
          fmt::format("{}: {}{}", program, what, unreadable ? kWrongKey : "")};
}

}  // namespace

Result<PgBackRest> PgBackRest::Of(const Running& running, const std::string& node) {
  PgBackRest program;
  program.config_ = fmt::format("{}/{}/pgbackrest.conf", running.layout.Etc(), node);
  program.log_ = running.layout.UnitOutput("backup");
  program.run_folder_ = running.layout.Run();
  program.password_file_ = running.layout.Data() + "/backup/pgpass";
  if (::geteuid() == 0) {
    QUANTUM_TRY(program.account_, FindAccount(kPostgresUser));
  }
  return program;
}

ProcessSpec PgBackRest::Spec(const std::vector<std::string>& command, const std::string& output) const {
  return {.command = command,
          .environment = {{"PATH", fmt::format("{}:/usr/sbin:/usr/bin:/sbin:/bin", kPostgresPrograms)},
                          {"LANG", "C.UTF-8"},
                          {"TZ", "UTC"},
                          {"PGPASSFILE", password_file_}},
          .account = account(),
          .output_path = output};
}

Result<pid_t> PgBackRest::Start(const std::vector<std::string>& command, const std::string& output) const {
  ProcessSpec spec = Spec(command, output);
  spec.parent_death_signal = SIGINT;
  return Spawn(spec);
}

Status PgBackRest::RunProgram(const std::vector<std::string>& command, const OnLine& on_line) const {
  return RunToEnd(Spec(command, log_), on_line);
}

Status PgBackRest::RunScript(const std::vector<std::string>& command, std::map<std::string, std::string> environment,
                             const OnLine& on_line) const {
  ProcessSpec spec = Spec(command, log_);
  spec.account = nullptr;
  spec.environment.merge(environment);
  return RunToEnd(std::move(spec), on_line);
}

// What it prints goes through a file of its own: others may run at the same time.
Status PgBackRest::RunToEnd(ProcessSpec spec, const OnLine& on_line) const {
  const Output output(run_folder_, log_);
  spec.output_path = output.path();
  spec.parent_death_signal = SIGTERM;
  Lines lines(output.path());
  Complaint complaint;
  const auto listen = [&](const std::string& line) {
    complaint.Hear(line);
    if (on_line) {
      on_line(line);
    }
  };
  QUANTUM_TRY(const pid_t pid, Spawn(spec));
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
  return WIFEXITED(status) && WEXITSTATUS(status) == 0
             ? Status()
             : Status(Judge(fs::path(spec.command.front()).filename().string(), complaint.text(), status));
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
  QUANTUM_TRY(RepositoryInfo info, ParseInfo(text));
  if (!info.trouble.empty()) {
    return Error{Errc::kInternal,
                 fmt::format("the repository of the backups cannot be read: {}{}", info.trouble, kWrongKey)};
  }
  return info;
}

}  // namespace quantum::operate
