#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <boost/json.hpp>
#include <optional>

#include "exchange/binance/venue_factory.h"
#include "operator/commands/command.h"
#include "operator/commands/verify.h"
#include "operator/output.h"
#include "operator/verify/read.h"
#include "platform/config/secrets.h"
#include "platform/fiber/fiber.h"

namespace quantum::operate {

namespace {

// Between the looks. Uneven, since what trades at a steady beat is underway at every one of them else.
constexpr std::array<Duration, Looks::kMost - 1> kPauses = {
    std::chrono::milliseconds(1000), std::chrono::milliseconds(1700), std::chrono::milliseconds(2300),
    std::chrono::milliseconds(1300), std::chrono::milliseconds(1900), std::chrono::milliseconds(1100),
    std::chrono::milliseconds(2700)};

struct Verdict {
  std::vector<std::string> differences;
  size_t orders = 0;
  size_t fills = 0;
  Beyond beyond;
};

Result<Verdict> CompareOnce(postgres::Pool& pool, exchange::TradingVenue& venue, const Running& running,
                            std::optional<trading::Decimal> deposit) {
  QUANTUM_TRY(Ledger ours, ReadPostgres(pool, deposit));
  const auto theirs = ReadVenue(venue, ours, running.manifest.symbols());
  if (!theirs.ok()) {
    // Neither wrong usage nor a platform that is down: the exchange did not answer, or not as it should.
    return Error{Errc::kInternal, theirs.error().Within("reading the exchange").message};
  }
  const Beyond beyond = RemoveBeyond(ours, *theirs);
  return Verdict{.differences = Compare(ours, *theirs),
                 .orders = ours.orders.size(),
                 .fills = theirs->fills.size(),
                 .beyond = beyond};
}

Result<Verdict> CompareUntilSure(fiber::Loop& loop, const Running& running) {
  const config::Manifest& manifest = running.manifest;
  const std::string secrets = running.layout.Secrets();
  postgres::PoolOptions options;
  options.host = manifest.AddressOf("pgbouncer");
  options.port = manifest.Port("pgbouncer");
  options.connections_max = 1;
  QUANTUM_TRY(options.password, config::ReadSecret(secrets, config::kPostgresService));
  binance::VenueParameters parameters{.loop = &loop, .mode = manifest.mode(), .hosts = {}, .credentials = {}};
  parameters.budget.queries_max = binance::kAskerShare;  // the address and the account are execution's as well
  parameters.hosts = binance::HostsOf(manifest);
  QUANTUM_TRY(parameters.credentials.key, config::ReadSecret(secrets, config::kExchangeKey));
  QUANTUM_TRY(parameters.credentials.secret, config::ReadSecret(secrets, config::kExchangeSecret));
  QUANTUM_TRY(const auto venue, binance::MakeTradingVenue(std::move(parameters)));
  std::optional<trading::Decimal> deposit;
  if (manifest.mode() == config::Mode::kPaper) {
    config::Section exchange = manifest.Service("paper-exchange");
    QUANTUM_TRY(deposit, trading::Decimal::Parse(exchange.GetString("wallet", "10000")));
  }
  postgres::Pool pool(loop, options);
  if (const auto rules = venue->Rules(); !rules.ok()) {  // and the venue's request limits with them
    venue->Stop();
    return Error{Errc::kInternal, rules.error().Within("reading the exchange").message};
  }
  Looks looks;
  auto verdict = CompareOnce(pool, *venue, running, deposit);
  for (size_t i = 0; verdict.ok(); ++i) {
    looks.Add(std::move(verdict->differences));
    verdict->differences = looks.lasting();
    if (looks.sure()) {
      break;
    }
    fiber::SleepFor(kPauses.at(i));
    verdict = CompareOnce(pool, *venue, running, deposit);
  }
  venue->Stop();
  return verdict;
}

Result<Verdict> VerdictOf(const Running& running) {
  fiber::Loop loop("verify");
  std::optional<Result<Verdict>> verdict;
  loop.Spawn([&] {
    verdict.emplace(CompareUntilSure(loop, running));
    loop.Stop();
  });
  loop.Run();
  return *std::move(verdict);
}

void Report(Context& context, const Verdict& verdict) {
  if (context.json) {
    Print("{}\n",
          boost::json::serialize(boost::json::object{{"orders", verdict.orders},
                                                     {"fills", verdict.fills},
                                                     {"orders_beyond", verdict.beyond.orders},
                                                     {"fills_beyond", verdict.beyond.fills},
                                                     {"differences", boost::json::value_from(verdict.differences)}}));
  } else {
    for (const std::string& difference : verdict.differences) {
      Print("{}\n", difference);
    }
    Print("{} orders and {} fills compared, with positions and balance: {}\n", verdict.orders, verdict.fills,
          verdict.differences.empty() ? "no difference" : fmt::format("{} differences", verdict.differences.size()));
    if (verdict.beyond.orders + verdict.beyond.fills > 0) {
      Print("{} orders and {} fills are older than what the exchange keeps and were not compared.\n",
            verdict.beyond.orders, verdict.beyond.fills);
    }
  }
  context.exit_code = verdict.differences.empty() ? kOk : kDifferences;
}

}  // namespace

Result<std::vector<std::string>> FindDifferences(const Running& running) {
  QUANTUM_TRY(Verdict verdict, VerdictOf(running));
  return std::move(verdict.differences);
}

void AddVerify(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "verify", "Compare orders, fills, positions and balance of Postgres with the exchange, row by row");
  command->add_flag("--json", context.json, "One JSON object");
  command->callback([&context] {
    const auto running = FindRunning(context);
    if (!running.ok()) {
      context.Finish(running.error());
      return;
    }
    if (const auto verdict = VerdictOf(*running); verdict.ok()) {
      Report(context, *verdict);
    } else {
      context.Finish(verdict.error());
    }
  });
}

}  // namespace quantum::operate
