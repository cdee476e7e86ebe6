#include "operator/commands/chaos.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>

#include "operator/chaos/faults.h"
#include "operator/chaos/run.h"
#include "operator/chaos/worker.h"
#include "operator/commands/command.h"
#include "operator/output.h"
#include "platform/base/random.h"

namespace quantum::operate {

namespace {

namespace fs = std::filesystem;

struct Wanted {
  int rounds = 10;
  uint64_t seed = 0;
  int rate = 1000;
  std::string json;
  std::vector<std::string> faults;
  bool control = false;
  bool keep = false;
  std::string worker;
};

volatile sig_atomic_t runner = 0;  // the process that ends when we are told to

void Forward(int signal) {
  if (runner > 0) {
    ::kill(runner, signal);
  }
}

int PlayRun(const chaos::RunOptions& options, const std::string& json) {
  const auto report = chaos::RunChaos(options);
  if (!report) {
    PrintError("quantum: {}\n", report.error().message);
    return report.error().code == Errc::kInvalidArgument ? kUsage : kFailed;
  }
  Print("{}", chaos::FormatReport(*report));
  FlushOutput();
  if (!json.empty()) {
    std::ofstream file(json);
    file << chaos::ToJson(*report);
    file.close();
    if (!file) {
      PrintError("quantum: {} cannot be written\n", json);
      return kFailed;
    }
  }
  return report->Good() ? kOk : kFailed;
}

// The run is a process of its own, so that nothing of it is left however it ends: its children die with it, we adopt
// and await them, and then remove the folder.
int RunApart(const chaos::RunOptions& options, const Wanted& wanted) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    ::signal(signal, Forward);
  }
  FlushOutput();
  const pid_t self = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
      ::signal(signal, SIG_DFL);
    }
    const int code = ::getppid() == self ? PlayRun(options, wanted.json) : kFailed;
    std::fflush(nullptr);
    ::_exit(code);
  }
  runner = pid;
  int code = kFailed;
  int status = 0;
  for (pid_t ended = 0; (ended = ::wait(&status)) > 0 || errno == EINTR;) {
    if (ended == pid) {
      runner = 0;
      code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }
  return code;
}

Result<int> ChaosBus(const Context& context, Wanted wanted) {
  if (wanted.seed == 0) {
    wanted.seed = SystemRandom().Below(1'000'000'000) + 1;
  }
  std::string folder = (fs::temp_directory_path() / "quantum-chaos-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    return Error{Errc::kInternal, "no temporary folder can be made: " + folder};
  }
  chaos::RunOptions options{.rounds = wanted.rounds,
                            .seed = wanted.seed,
                            .per_second = wanted.rate,
                            .faults = wanted.faults,
                            .control = wanted.control,
                            .folder = folder,
                            .infra = (fs::path(context.ManifestPath()).parent_path() / "infra").string(),
                            .program = fs::read_symlink("/proc/self/exe").string()};
  if (!wanted.json.empty()) {
    wanted.json = fs::absolute(wanted.json).string();
    options.archive = wanted.json + ".history.gz";
  }
  if (!fs::is_directory(options.infra)) {
    fs::remove(folder);
    return Error{Errc::kInvalidArgument, fmt::format("no folder {}: run it from the checkout", options.infra)};
  }
  Print("{}, seed {}{}\n", wanted.control ? "the negative control" : fmt::format("{} rounds", wanted.rounds),
        wanted.seed, wanted.keep ? ", in " + folder : "");
  const int code = RunApart(options, wanted);
  if (!wanted.keep) {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  return code;
}

Status Work(const std::string& file) {
  QUANTUM_TRY(const chaos::WorkerOptions options, chaos::LoadWorker(file));
  return chaos::RunWorker(options);
}

}  // namespace

void AddChaos(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Wanted>();
  CLI::App* chaos =
      app.add_subcommand("chaos", "Break a part of the platform on purpose, and show that nothing is lost");
  chaos->require_subcommand(1);
  CLI::App* bus = chaos->add_subcommand(
      "bus", "The event bus, on a Redis cluster of its own in a temporary folder: 1,000 events/s while faults come");
  bus->add_option("--rounds", wanted->rounds, "One fault each (default 10)")->check(CLI::Range(1, 100'000));
  bus->add_option("--seed", wanted->seed, "Of the faults and their order (default: a fresh one, printed)");
  bus->add_option("--rate", wanted->rate, "Events a second, of all producers together (default 1000)")
      ->check(CLI::Range(3, 10'000));
  bus->add_option("--fault", wanted->faults, "Only this one (repeatable)")->type_name("NAME");
  bus->add_option("--json", wanted->json, "Table and rounds as JSON; the whole history beside it, as FILE.history.gz")
      ->type_name("FILE");
  bus->add_flag("--negative-control", wanted->control,
                "Without journal and WAIT, the master cut off for 12 s: must report losses (exit code 1)");
  bus->add_flag("--keep", wanted->keep, "Leave the temporary folder, to look at it");
  bus->callback([&context, wanted] {
    const auto code = ChaosBus(context, *wanted);
    if (code) {
      context.exit_code = *code;
    } else {
      context.Finish(code.error());
    }
  });
  CLI::App* worker = app.add_subcommand("chaos-worker", "A producer or consumer of a chaos run");
  worker->group("");  // started by the run: not in the help
  worker->add_option("FILE", wanted->worker)->required();
  worker->callback([&context, wanted] { context.Finish(Work(wanted->worker)); });
}

}  // namespace quantum::operate
