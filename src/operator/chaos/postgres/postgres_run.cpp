#include "operator/chaos/postgres/postgres_run.h"

#include <fmt/format.h>

#include "operator/bus/connect.h"
#include "operator/chaos/choose.h"
#include "operator/chaos/deck.h"
#include "operator/chaos/postgres/load.h"
#include "operator/chaos/postgres/postgres_faults.h"
#include "operator/chaos/report.h"
#include "operator/chaos/wait.h"

namespace quantum::operate::chaos {

namespace {

using namespace std::chrono_literals;

constexpr Duration kLoadBefore = 1s;
constexpr Duration kLoadAfter = 1s;
constexpr Duration kEnoughMax = 90s;  // until the round has enough acknowledged
constexpr Duration kWholeMax = 120s;  // until Postgres is whole again
constexpr Duration kSettledMax = 60s;

Violations Beyond(const Violations& now, const Violations& before) {
  const auto more = [](uint64_t a, uint64_t b) { return a > b ? a - b : 0; };
  return {.lost = more(now.lost, before.lost),
          .doubled = more(now.doubled, before.doubled),
          .missing_money = more(now.missing_money, before.missing_money),
          .invented = more(now.invented, before.invented),
          .contradicted = more(now.contradicted, before.contradicted),
          .deposed = more(now.deposed, before.deposed)};
}

class PostgresRun {
 public:
  PostgresRun(fiber::Loop& loop, Platform& platform, const PostgresRunOptions& options)
      : options_(options),
        platform_(platform),
        owner_(loop, platform.OwnerOptions()),
        draws_(options.seed + 1),
        load_(loop, platform, draws_, checker_, options.per_second) {}

  PostgresReport Play(std::vector<const PostgresFault*> faults);

 private:
  PostgresRound PlayRound(int number, const PostgresFault& fault);
  Status Strike(const PostgresFault& fault);
  Status Converge(PostgresRound& round);

  const PostgresRunOptions& options_;
  Platform& platform_;
  postgres::Pool owner_;
  SeededRandom draws_;  // of the clients; apart, so that the faults follow from the seed alone
  LedgerChecker checker_;
  Violations found_;
  Load load_;
};

PostgresReport PostgresRun::Play(std::vector<const PostgresFault*> faults) {
  PostgresReport report{.seed = options_.seed};
  if (const Status made = MakeBooks(owner_, Load::kAll); !made.ok()) {
    report.trouble = made.error().message;
    return report;
  }
  SeededRandom random(options_.seed);
  Deck<PostgresFault> deck(std::move(faults), random);
  const int rounds = options_.control ? 1 : options_.rounds;
  for (int number = 1; number <= rounds; ++number) {
    report.rounds.push_back(PlayRound(number, options_.control ? kAsynchronousAndCutOff : deck.Draw()));
    const PostgresRound& round = report.rounds.back();
    fmt::print("{:>3}/{} {}\n", number, rounds, FormatRound(round));
    std::fflush(stdout);
    if (!round.trouble.empty()) {
      report.trouble = fmt::format("round {}: {}", number, round.trouble);
      break;
    }
  }
  report.seen = checker_.seen();
  report.found = found_;
  report.examples = checker_.examples();
  return report;
}

PostgresRound PostgresRun::PlayRound(int number, const PostgresFault& fault) {
  PostgresRound round{.number = number, .fault = fault.name};
  Status status = Strike(fault);
  if (status.ok()) {
    status = Converge(round);
  }
  const Load::Measured measured = load_.measured();
  round.acknowledged = measured.acknowledged;
  round.in_flight = measured.in_flight;
  round.first_commit = measured.first_commit;
  round.longest_pause = measured.longest_pause;
  round.trouble = status.ok() ? "" : status.error().message;
  return round;
}

// Load, and the fault in the middle of it.
Status PostgresRun::Strike(const PostgresFault& fault) {
  const uint64_t before = checker_.seen().acknowledged;
  load_.Open();
  fiber::SleepFor(kLoadBefore);
  // On a busy machine the load may not have begun yet; a fault that strikes nothing proves nothing.
  Eventually(kEnoughMax, [&] { return checker_.seen().acknowledged > before; });
  return fault.strike(platform_, [&] {
    load_.Struck();  // what the clients had under way is under way still: nothing else has run since
  });
}

// The load goes on until the round has enough. Then all is read back.
Status PostgresRun::Converge(PostgresRound& round) {
  const SteadyTime healed = SystemClock().Steady();
  fiber::SleepFor(kLoadAfter);
  const bool enough = Eventually(kEnoughMax, [&] { return load_.measured().acknowledged >= kAcknowledgedLeast; });
  const Status whole = platform_.AwaitHealthy(kWholeMax);
  round.converged = SystemClock().Steady() - healed;
  const bool settled = load_.Close(kSettledMax);
  QUANTUM_CHECK(whole);
  if (!enough || !settled) {
    return Error{Errc::kTimeout,
                 fmt::format("{}:\n{}", enough ? "a client waits for an outcome" : "too little was acknowledged",
                             platform_.LastWords())};
  }
  QUANTUM_TRY(const Books books, ReadBooks(owner_));
  const Violations now = checker_.Judge(books);
  round.found = Beyond(now, found_);
  found_ = now;
  return {};
}

Result<PostgresReport> PlayAllRounds(fiber::Loop& loop, const PostgresRunOptions& options, const Apart& apart) {
  QUANTUM_TRY(Chosen<PostgresFault> chosen,
              ChooseFaults<PostgresFault>(PostgresFaults(), options.faults, [&](const PostgresFault& fault) {
                return fault.needs_machine && !apart.own_machine ? apart.why_not : std::string();
              }));
  QUANTUM_TRY(
      const auto platform,
      Platform::Start(
          loop, {.folder = options.folder, .manifest = options.manifest, .program = options.program, .apart = apart}));
  PostgresReport report = PostgresRun(loop, *platform, options).Play(std::move(chosen.faults));
  report.left_out = std::move(chosen.left_out);
  return report;
}

}  // namespace

Result<PostgresReport> RunPostgresChaos(const PostgresRunOptions& options, const Apart& apart) {
  PostgresReport report;
  QUANTUM_CHECK(InFiber([&](fiber::Loop& loop) -> Status {
    QUANTUM_TRY(report, PlayAllRounds(loop, options, apart));
    return {};
  }));
  return report;
}

}  // namespace quantum::operate::chaos
