// bench-bus-consume [--json] [--events N] [--rounds N]: what a group takes from a full stream. Without an effect, as
// the bus stores events that come at full speed (several in an entry) and with an entry each; against a minimal loop of
// hiredis on the latter stream, which is what one has without the bus (XREADGROUP COUNT 256; the XACK of one batch
// travels with the next read). And with a row of the inbox in Postgres for each event (real fsync, PgBouncer). Until
// everything is acknowledged.
#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include "bench/bus/setting.h"
#include "bench/command_line/command_line.h"
#include "platform/bus/bundle.h"
#include "tests/support/postgres_server.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;

constexpr size_t kPayload = 200;
constexpr double kGoal = 0.8;
constexpr int kCount = 256;                              // as the bus fetches
constexpr size_t kAlone = bus::BundleLimits{}.from - 1;  // at once: each has an entry of its own

struct Options {
  size_t events = 200'000;
  size_t inbox_events = 5000;
  int rounds = 5;
  bool json = false;
  bool ours_only = false;
};

void Fill(Setting& setting, size_t events, size_t batch_max) {
  setting.DropStream();
  LoopThread thread("publisher");
  thread.Run([&] {
    redis::Client redis(thread.loop(), setting.cluster().Options());
    bus::BusOptions options = setting.Options("bench");
    options.batch_max = batch_max;
    bus::Bus bus(thread.loop(), redis, nullptr, options);
    size_t next = 0;
    size_t fibers = 1024;
    fiber::Event finished;
    for (size_t i = fibers; i > 0; --i) {
      thread.loop().Spawn([&] {
        while (next < events) {
          QUANTUM_ASSERT(bus.Publish(MakeEvent(next++, kPayload), {.timeout = 30s}).ok());
        }
        if (--fibers == 0) {
          finished.Set();
        }
      });
    }
    finished.Wait();
    bus.Stop();
  });
}

using Reply = std::unique_ptr<redisReply, void (*)(void*)>;

// The peer. Events a second.
double RawRate(Setting& setting, size_t events) {
  const std::string stream = bus::StreamKey(kFamily);
  setting.AskMaster({"XGROUP", "CREATE", stream, "raw", "0"});
  redisContext* const context =
      redisConnect("127.0.0.1", setting.cluster().nodes()[setting.cluster().AwaitMaster()].port);
  QUANTUM_ASSERT(context != nullptr && context->err == 0);
  const auto read = [&] {
    void* raw = nullptr;
    QUANTUM_ASSERT(redisGetReply(context, &raw) == REDIS_OK);
    Reply reply(static_cast<redisReply*>(raw), freeReplyObject);
    QUANTUM_ASSERT(reply->type != REDIS_REPLY_ERROR);
    return reply;
  };
  redisAppendCommand(context, "AUTH operator %s", setting.cluster().operator_password().c_str());
  read();
  const SteadyTime begin = SystemClock().Steady();
  std::vector<std::string> done;
  size_t taken = 0;
  size_t acknowledged = 0;
  while (acknowledged < events) {
    std::vector<const char*> words{"XACK", stream.c_str(), "raw"};
    for (const std::string& entry : done) {
      words.push_back(entry.c_str());
    }
    if (!done.empty()) {
      redisAppendCommandArgv(context, static_cast<int>(words.size()), words.data(), nullptr);
    }
    if (taken < events) {
      redisAppendCommand(context, "XREADGROUP GROUP raw c COUNT %d STREAMS %s >", kCount, stream.c_str());
    }
    if (!done.empty()) {
      acknowledged += static_cast<size_t>(read()->integer);
      done.clear();
    }
    if (taken < events) {
      const Reply reply = read();
      QUANTUM_ASSERT(reply->type == REDIS_REPLY_ARRAY);
      const redisReply& entries = *reply->element[0]->element[1];
      for (size_t i = 0; i < entries.elements; ++i) {
        done.emplace_back(entries.element[i]->element[0]->str, entries.element[i]->element[0]->len);
      }
      taken += entries.elements;
    }
  }
  const double ms = MsBetween(begin, SystemClock().Steady());
  redisFree(context);
  setting.AskMaster({"XGROUP", "DESTROY", stream, "raw"});
  return static_cast<double>(events) / ms * 1000;
}

// Ours: from Start until nothing is pending any more. Events a second.
double OurRate(Setting& setting, size_t events, const postgres::PoolOptions* postgres) {
  const std::string group = postgres == nullptr ? "plain" : "inbox";
  LoopThread thread("consumer");
  std::unique_ptr<redis::Client> redis;
  std::unique_ptr<postgres::Pool> pool;
  std::unique_ptr<bus::Bus> bus;
  size_t handled = 0;
  fiber::Event all;
  const double ms = thread.Run([&] {
    redis = std::make_unique<redis::Client>(thread.loop(), setting.cluster().Options());
    if (postgres != nullptr) {
      pool = std::make_unique<postgres::Pool>(thread.loop(), *postgres);
    }
    bus = std::make_unique<bus::Bus>(thread.loop(), *redis, pool.get(), setting.Options(group));
    const auto count = [&]() -> Status {
      if (++handled == events) {
        all.Set();
      }
      return {};
    };
    bus::Subscription subscription{.types = {kType}};
    if (postgres == nullptr) {
      subscription.handler = [&](const bus::Event&) { return count(); };
    } else {
      subscription.transactional = [&](const bus::Event&, postgres::Transaction&) { return count(); };
      subscription.together = bus::Together::kOfKey;
    }
    bus->Subscribe(std::move(subscription));
    const SteadyTime begin = SystemClock().Steady();
    QUANTUM_ASSERT(bus->Start().ok());
    all.Wait();
    while (true) {
      const auto pending = redis->Run({"XPENDING", bus::StreamKey(kFamily), bus::GroupName(group)});
      QUANTUM_ASSERT(pending.ok());
      if (pending->elements.at(0).integer == 0) {
        break;
      }
      fiber::SleepFor(1ms);
    }
    const double took = MsBetween(begin, SystemClock().Steady());
    bus->StopConsuming(10s);
    return took;
  });
  thread.Run([&] {
    bus.reset();
    pool.reset();
    redis.reset();
  });
  setting.AskMaster({"XGROUP", "DESTROY", bus::StreamKey(kFamily), bus::GroupName(group)});
  return static_cast<double>(events) / ms * 1000;
}

struct Report {
  std::vector<double> raw;
  std::vector<double> alone;  // ours, an entry for each event
  std::vector<double> ours;
  std::vector<double> inbox;
  double ratio() const { return Quantile(ours, 0.5) / Quantile(raw, 0.5); }
  double ratio_alone() const { return Quantile(alone, 0.5) / Quantile(raw, 0.5); }
};

Report Measure(const Options& options) {
  Report report;
  Setting setting;
  const size_t batch_max = bus::BusOptions().batch_max;
  if (!options.ours_only) {
    Fill(setting, options.events, kAlone);
    for (int round = 0; round < options.rounds; ++round) {
      report.alone.push_back(OurRate(setting, options.events, nullptr));
      report.raw.push_back(RawRate(setting, options.events));
    }
  }
  Fill(setting, options.events, batch_max);
  for (int round = 0; round < options.rounds; ++round) {
    report.ours.push_back(OurRate(setting, options.events, nullptr));
  }
  if (options.ours_only) {
    return report;
  }
  testing::PostgresServer server({.fsync = true, .settings = {}});
  const postgres::PoolOptions postgres = server.ServiceOptions();
  for (int round = 0; round < options.rounds; ++round) {
    Fill(setting, options.inbox_events, batch_max);  // numbered anew: else the inbox has them
    report.inbox.push_back(OurRate(setting, options.inbox_events, &postgres));
  }
  return report;
}

void PrintTable(const Report& report, const Options& options) {
  fmt::print("{}\n{} events of {} bytes, 64 keys ({} with the inbox), {} rounds, load average {:.1f}\n",
             Setting::Describe(), options.events, kPayload, options.inbox_events, options.rounds, Load1());
  const auto line = [](const char* name, const std::vector<double>& rates) {
    fmt::print("{:<52}{:>12.0f}  {:.0f}\n", name, Quantile(rates, 0.5), fmt::join(rates, ", "));
  };
  fmt::print("{:<52}{:>12}  {}\n", "events a second", "median", "rounds");
  line("ours, no effect, stored as they came", report.ours);
  line("ours, no effect, an entry each", report.alone);
  line("hiredis, XREADGROUP COUNT 256, XACK, an entry each", report.raw);
  line("ours, a row of the inbox for each, Postgres fsync", report.inbox);
  fmt::print("ratio to the loop of hiredis: {:.2f} (goal {} or more: {}); with an entry each {:.2f}\n", report.ratio(),
             kGoal, report.ratio() >= kGoal ? "met" : "MISSED", report.ratio_alone());
}

void PrintJson(const Report& report, const Options& options) {
  fmt::print(
      "{{\"bench\": \"bus-consume\", \"events\": {}, \"load\": {:.2f}, \"ours_per_s\": {:.0f}, \"raw_per_s\": {:.0f}, "
      "\"ratio\": {:.3f}, \"ratio_alone\": {:.3f}, \"inbox_per_s\": {:.0f}}}\n",
      options.events, Load1(), Quantile(report.ours, 0.5), Quantile(report.raw, 0.5), report.ratio(),
      report.ratio_alone(), Quantile(report.inbox, 0.5));
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  using namespace quantum::bench;
  Options options;
  CommandLine line("Events consumed a second, against a minimal XREADGROUP loop");
  line.Add("--events", &options.events, 1000, 1'000'000, "in the stream");
  line.Add("--inbox-events", &options.inbox_events, 1000, 1'000'000, "with the inbox");
  line.Add("--rounds", &options.rounds, 1, 100);
  line.AddFlag("--ours-only", options.ours_only, "one row, for a profiler");
  line.AddJson(options.json);
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  PrepareBus();
  const Report report = Measure(options);
  options.json ? PrintJson(report, options) : PrintTable(report, options);
  return options.ours_only || report.ratio() >= kGoal ? 0 : 1;
}
