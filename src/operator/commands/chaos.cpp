#include "operator/commands/chaos.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include "operator/chaos/apart.h"
#include "operator/chaos/orders/orders_faults.h"
#include "operator/chaos/orders/orders_run.h"
#include "operator/chaos/postgres/platform.h"
#include "operator/chaos/postgres/postgres_faults.h"
#include "operator/chaos/postgres/postgres_run.h"
#include "operator/chaos/run.h"
#include "operator/chaos/worker.h"
#include "operator/commands/command.h"
#include "operator/output.h"
#include "platform/base/random.h"

namespace quantum::operate {

namespace {

namespace fs = std::filesystem;

// What both runs take.
struct Wanted {
  int rounds = 0;
  uint64_t seed = 0;
  int rate = 0;
  std::string json;
  std::vector<std::string> faults;
  bool control = false;
  bool keep = false;
};

template <class Report>
int Finish(const Result<Report>& report, const std::string& json) {
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

// A run in a temporary folder, which is removed after it.
template <class Play>
Result<int> PlayApart(const Context& context, Wanted wanted, bool own_machine, Play&& play,
                      const std::function<void(const std::string&)>& after = {}) {
  const fs::path checkout = fs::path(context.ManifestPath()).parent_path();
  if (!fs::is_directory(checkout / "infra")) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("no folder {}: run it from the checkout", (checkout / "infra").string())};
  }
  if (wanted.seed == 0) {
    wanted.seed = SystemRandom().Below(1'000'000'000) + 1;
  }
  wanted.json = wanted.json.empty() ? "" : fs::absolute(wanted.json).string();
  std::string folder = (fs::temp_directory_path() / "quantum-chaos-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    return Error{Errc::kInternal, "no temporary folder can be made: " + folder};
  }
  Print("{}, seed {}{}\n", wanted.control ? "the negative control" : fmt::format("{} rounds", wanted.rounds),
        wanted.seed, wanted.keep ? ", in " + folder : "");
  FlushOutput();
  const int code = chaos::RunApart(
      own_machine, [&](const chaos::Apart& apart) { return Finish(play(wanted, folder, apart), wanted.json); },
      after ? [&] { after(folder); } : std::function<void()>());
  if (!wanted.keep) {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  return code;
}

Result<int> ChaosBus(const Context& context, const Wanted& wanted) {
  return PlayApart(context, wanted, false, [&](const Wanted& all, const std::string& folder, const chaos::Apart&) {
    return chaos::RunChaos({.rounds = all.rounds,
                            .seed = all.seed,
                            .per_second = all.rate,
                            .faults = all.faults,
                            .control = all.control,
                            .folder = folder,
                            .infra = (fs::path(context.ManifestPath()).parent_path() / "infra").string(),
                            .program = fs::read_symlink("/proc/self/exe").string(),
                            .archive = all.json.empty() ? "" : all.json + ".history.gz"});
  });
}

// On a platform of its own: chaos::RunPostgresChaos, chaos::RunOrdersChaos.
template <class Options, class Report>
Result<int> ChaosOnAPlatform(const Context& context, const Wanted& wanted,
                             Result<Report> (&run)(const Options&, const chaos::Apart&)) {
  const std::string program = fs::read_symlink("/proc/self/exe").string();
  const std::string manifest = fs::absolute(context.ManifestPath()).string();
  const auto play = [&](const Wanted& all, const std::string& folder, const chaos::Apart& apart) {
    return run({.rounds = all.rounds,
                .seed = all.seed,
                .per_second = all.rate,
                .faults = all.faults,
                .control = all.control,
                .folder = folder,
                .manifest = manifest,
                .program = program},
               apart);
  };
  return PlayApart(context, wanted, true, play, chaos::TakeDown);
}

Status Work(const std::string& file) {
  QUANTUM_TRY(const chaos::WorkerOptions options, chaos::LoadWorker(file));
  return chaos::RunWorker(options);
}

void AddOptions(CLI::App* command, const std::shared_ptr<Wanted>& wanted) {
  command->add_option("--rounds", wanted->rounds, fmt::format("One fault each (default {})", wanted->rounds))
      ->check(CLI::Range(1, 100'000));
  command->add_option("--seed", wanted->seed, "Of the faults and their order (default: a fresh one, printed)");
  command->add_option("--fault", wanted->faults, "Only this one (repeatable)")->type_name("NAME");
  command->add_flag("--keep", wanted->keep, "Leave the temporary folder, to look at it");
}

template <class Run>
void OnCall(CLI::App* command, Context& context, const std::shared_ptr<Wanted>& wanted, Run run) {
  command->callback([&context, wanted, run] {
    const Result<int> code = run(context, *wanted);
    if (code) {
      context.exit_code = *code;
    } else {
      context.Finish(code.error());
    }
  });
}

void AddBusRun(CLI::App* chaos, Context& context) {
  auto wanted = std::make_shared<Wanted>(Wanted{.rounds = 10, .rate = 1000});
  CLI::App* bus = chaos->add_subcommand(
      "bus", "The event bus, on a Redis cluster of its own in a temporary folder: 1,000 events/s while faults come");
  AddOptions(bus, wanted);
  bus->add_option("--rate", wanted->rate, "Events a second, of all producers together (default 1000)")
      ->check(CLI::Range(3, 10'000));
  bus->add_option("--json", wanted->json, "Table and rounds as JSON; the whole history beside it, as FILE.history.gz")
      ->type_name("FILE");
  bus->add_flag("--negative-control", wanted->control,
                "Without journal and WAIT, the master cut off for 12 s: must report losses (exit code 1)");
  OnCall(bus, context, wanted, ChaosBus);
}

void AddPostgresRun(CLI::App* chaos, Context& context) {
  auto wanted = std::make_shared<Wanted>(Wanted{.rounds = 16, .rate = 300});
  CLI::App* postgres = chaos->add_subcommand(
      "postgres",
      "Postgres with its standby, etcd, HAProxy and PgBouncer, of its own in a temporary folder and, for "
      "root, in namespaces of its own: transfers and trades while faults come");
  AddOptions(postgres, wanted);
  postgres->add_option("--rate", wanted->rate, "Operations a second, of all clients together (default 300)")
      ->check(CLI::Range(10, 5'000));
  postgres->add_option("--json", wanted->json, "Table and rounds as JSON")->type_name("FILE");
  postgres->add_flag("--negative-control", wanted->control,
                     "Asynchronous, the standby cut off, then the primary lost: must report losses (exit code 1)");
  std::string faults = "Faults:\n";
  for (const chaos::PostgresFault& fault : chaos::PostgresFaults()) {
    faults += fmt::format("  {:<16}{}\n", fault.name, fault.what);
  }
  postgres->footer(faults);
  OnCall(postgres, context, wanted,
         [](const Context& at, const Wanted& all) { return ChaosOnAPlatform(at, all, chaos::RunPostgresChaos); });
}

void AddOrdersRun(CLI::App* chaos, Context& context) {
  auto wanted = std::make_shared<Wanted>(Wanted{.rounds = static_cast<int>(chaos::OrdersFaults().size()), .rate = 28});
  CLI::App* orders = chaos->add_subcommand(
      "orders",
      "A platform of its own in a temporary folder and, for root, in namespaces of its own: it trades, while processes "
      "die and the exchange misbehaves");
  AddOptions(orders, wanted);
  orders->add_option("--rate", wanted->rate, "Decisions a second (default 28)")->check(CLI::Range(1, 100));
  orders->add_option("--json", wanted->json, "Table and rounds as JSON")->type_name("FILE");
  orders->add_flag("--negative-control", wanted->control,
                   "Random client order ids, nothing written down before it is sent, and execution killed: must report "
                   "doubled orders (exit code 1)");
  std::string faults = "Faults:\n";
  for (const chaos::OrdersFault& fault : chaos::OrdersFaults()) {
    faults += fmt::format("  {:<17}{}\n", fault.name, fault.what);
  }
  orders->footer(faults);
  OnCall(orders, context, wanted,
         [](const Context& at, const Wanted& all) { return ChaosOnAPlatform(at, all, chaos::RunOrdersChaos); });
}

}  // namespace

void AddChaos(CLI::App& app, Context& context) {
  CLI::App* chaos =
      app.add_subcommand("chaos", "Break a part of the platform on purpose, and show that nothing is lost");
  chaos->require_subcommand(1);
  AddBusRun(chaos, context);
  AddPostgresRun(chaos, context);
  AddOrdersRun(chaos, context);
  auto file = std::make_shared<std::string>();
  CLI::App* worker = app.add_subcommand("chaos-worker", "A producer or consumer of a chaos run");
  worker->group("");  // started by the run: not in the help
  worker->add_option("FILE", *file)->required();
  worker->callback([&context, file] { context.Finish(Work(*file)); });
}

}  // namespace quantum::operate
