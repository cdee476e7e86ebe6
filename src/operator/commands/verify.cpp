#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <optional>

#include "exchange/binance/venue_factory.h"
#include "operator/commands/command.h"
#include "operator/verify/read.h"
#include "platform/config/secrets.h"
#include "platform/fiber/fiber.h"

namespace quantum::operate {

namespace {

constexpr std::chrono::seconds kSettle(3);  // between the two readings that must agree on a difference

struct Verdict {
  std::vector<std::string> differences;
  size_t orders = 0;
  size_t fills = 0;
};

Result<Verdict> CompareOnce(postgres::Pool& pool, exchange::TradingVenue& venue, const Running& running,
                            std::optional<trading::Decimal> deposit) {
  QUANTUM_TRY(const Ledger ours, ReadPostgres(pool, deposit));
  QUANTUM_TRY(const Ledger theirs, ReadVenue(venue, ours, running.manifest.symbols()));
  return Verdict{.differences = Compare(ours, theirs), .orders = ours.orders.size(), .fills = theirs.fills.size()};
}

// A difference counts when it is still there three seconds later: orders in the air are none.
Result<Verdict> CompareTwice(fiber::Loop& loop, const Running& running) {
  const config::Manifest& manifest = running.manifest;
  const std::string secrets = running.layout.Secrets();
  postgres::PoolOptions options;
  options.host = manifest.bind_address();
  options.port = manifest.Port("pgbouncer");
  options.connections_max = 1;
  QUANTUM_TRY(options.password, config::ReadSecret(secrets, config::kPostgresService));
  binance::VenueParameters parameters{.loop = &loop, .mode = manifest.mode(), .hosts = {}, .credentials = {}};
  const bool paper = manifest.mode() == config::Mode::kPaper;
  parameters.hosts = binance::HostsOf(manifest.mode(), paper ? manifest.Port("paper-exchange") : 0);
  QUANTUM_TRY(parameters.credentials.key, config::ReadSecret(secrets, config::kExchangeKey));
  QUANTUM_TRY(parameters.credentials.secret, config::ReadSecret(secrets, config::kExchangeSecret));
  QUANTUM_TRY(const auto venue, binance::MakeTradingVenue(std::move(parameters)));
  std::optional<trading::Decimal> deposit;
  if (paper) {
    config::Section exchange = manifest.Service("paper-exchange");
    QUANTUM_TRY(deposit, trading::Decimal::Parse(exchange.GetString("wallet", "10000")));
  }
  postgres::Pool pool(loop, options);
  auto verdict = CompareOnce(pool, *venue, running, deposit);
  if (verdict.ok() && !verdict->differences.empty()) {
    fiber::SleepFor(kSettle);
    auto again = CompareOnce(pool, *venue, running, deposit);
    if (again.ok()) {
      again->differences = Lasting(verdict->differences, again->differences);
    }
    verdict = std::move(again);
  }
  venue->Stop();
  return verdict;
}

void Report(Context& context, const Verdict& verdict) {
  if (context.json) {
    fmt::print("{}\n", boost::json::serialize(
                           boost::json::object{{"orders", verdict.orders},
                                               {"fills", verdict.fills},
                                               {"differences", boost::json::value_from(verdict.differences)}}));
  } else {
    for (const std::string& difference : verdict.differences) {
      fmt::print("{}\n", difference);
    }
    fmt::print(
        "{} orders and {} fills compared, with positions and balance: {}\n", verdict.orders, verdict.fills,
        verdict.differences.empty() ? "no difference" : fmt::format("{} differences", verdict.differences.size()));
  }
  context.exit_code = verdict.differences.empty() ? kOk : kDifferences;
}

}  // namespace

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
    fiber::Loop loop("verify");
    std::optional<Result<Verdict>> verdict;
    loop.Spawn([&] {
      verdict.emplace(CompareTwice(loop, running.value()));
      loop.Stop();
    });
    loop.Run();
    if (verdict->ok()) {
      Report(context, verdict->value());
    } else {
      context.Finish(verdict->error());
    }
  });
}

}  // namespace quantum::operate
