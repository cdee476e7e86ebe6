#include "operator/chaos/run.h"

#include <fmt/format.h>

#include <charconv>

#include "operator/chaos/choose.h"
#include "operator/chaos/deck.h"
#include "operator/chaos/faults.h"
#include "operator/chaos/history.h"
#include "operator/chaos/stage.h"
#include "operator/chaos/wait.h"
#include "platform/bus/codec.h"
#include "platform/bus/event.h"
#include "platform/log/setup.h"

namespace quantum::operate::chaos {

namespace {

using namespace std::chrono_literals;

constexpr auto kSample = 100ms;
constexpr Duration kBefore = 1s;  // of load before the fault
constexpr Duration kAfter = 1s;   // and after it is healed
constexpr Duration kLoadMax = 60s;
constexpr Duration kConvergenceMax = 90s;
constexpr Duration kControlConvergenceMax = 8s;  // what is lost does not come
constexpr size_t kExamples = 10;

int64_t SteadyNs() { return SystemClock().Steady().time_since_epoch().count(); }

class Run {
 public:
  Run(fiber::Loop& loop, Stage& stage, HistoryReader history, const RunOptions& options)
      : loop_(loop),
        stage_(stage),
        history_(std::move(history)),
        options_(options),
        checker_(stage.group_names()),
        wall_offset_ns_(ToUnixNs(SystemClock().Now()) - SteadyNs()) {}

  // Nothing may be left running when it returns.
  Report Play(std::vector<const Fault*> faults, Random& random);

 private:
  Round PlayRound(int number, const Fault& fault);
  Status Strike(const Fault& fault);
  Status Ingest();
  Status Converge();
  bool IsIdle();
  Status ReadStreams();
  Status ReadStream(const char* stream);
  void Add(Record record) {
    checker_.Add(record);
    records_.push_back(std::move(record));
  }

  fiber::Loop& loop_;
  Stage& stage_;
  HistoryReader history_;
  const RunOptions& options_;
  Checker checker_;
  const int64_t wall_offset_ns_;
  std::vector<Record> records_;  // of this round
};

Report Run::Play(std::vector<const Fault*> faults, Random& random) {
  Report report;
  report.seed = options_.seed;
  bool done = false;
  fiber::Event sampled;
  loop_.Spawn([&] {
    while (!done) {
      stage_.SampleFiles();
      fiber::SleepFor(kSample);
    }
    sampled.Set();
  });
  Deck<Fault> deck(std::move(faults), random);
  const int rounds = options_.control ? 1 : options_.rounds;
  for (int number = 1; number <= rounds; ++number) {
    const Fault control{.name = "control", .strike = PartitionWithDeath};
    report.rounds.push_back(PlayRound(number, options_.control ? control : deck.Draw()));
    const Round& round = report.rounds.back();
    fmt::print("{:>3}/{} {}\n", number, rounds, FormatRound(round));
    std::fflush(stdout);
    if (!round.trouble.empty()) {
      report.trouble = fmt::format("round {}: {}", number, round.trouble);
      break;
    }
  }
  done = true;
  sampled.Wait();
  if (const Status closed = history_.Close(); !closed && report.trouble.empty()) {
    report.trouble = closed.error().message;
  }
  report.verdict = checker_.verdict();
  report.examples = checker_.Examples(kExamples);
  return report;
}

Round Run::PlayRound(int number, const Fault& fault) {
  records_.clear();
  stage_.Forget();
  const Verdict before = checker_.verdict();
  Round round{.number = number, .fault = fault.name};
  Status status = Strike(fault);
  const int64_t healed = SteadyNs();
  if (status) {
    status = Converge();
    round.converged_ns = SteadyNs() - healed;
  }
  stage_.CloseGate();
  if (status) {
    status = ReadStreams();
  } else {
    static_cast<void>(Ingest());
    round.trouble = status.error().message;
  }
  round.measured = Measure(records_, stage_.struck_ns(), stage_.producer_names(), stage_.group_names());
  const Verdict& after = checker_.verdict();
  round.lost = after.lost - std::min(before.lost, after.lost);
  round.doubled = after.doubled - before.doubled;
  round.disordered = after.disordered + after.misplaced - before.disordered - before.misplaced;
  round.redelivered = after.redelivered - before.redelivered;
  return round;
}

// Load, the fault in the middle of it, and load again until the round has enough.
Status Run::Strike(const Fault& fault) {
  const uint64_t acknowledged = checker_.verdict().acknowledged;
  QUANTUM_CHECK(stage_.OpenGate());
  fiber::SleepFor(kBefore);
  Status status;
  // On a busy machine the load may not have begun yet; a fault that strikes nothing proves nothing.
  Eventually(kLoadMax, [&] {
    status = Ingest();
    return !status || checker_.verdict().acknowledged > acknowledged;
  });
  QUANTUM_CHECK(status);
  QUANTUM_CHECK(fault.strike(stage_));
  fiber::SleepFor(kAfter);
  const bool enough = Eventually(kLoadMax, [&] {
    status = Ingest();
    return !status || checker_.verdict().acknowledged >= acknowledged + kAcknowledgedLeast;
  });
  stage_.CloseGate();
  QUANTUM_CHECK(status);
  return enough ? Status() : Status(Error{Errc::kTimeout, "too little was acknowledged"});
}

Status Run::Ingest() {
  QUANTUM_CHECK(stage_.CheckWorkers());
  return history_.Read([this](Record record) { Add(std::move(record)); });
}

Status Run::Converge() {
  Status status;
  const bool converged = Eventually(options_.control ? kControlConvergenceMax : kConvergenceMax, [&] {
    status = Ingest();
    return !status ||
           (checker_.unresolved() == 0 && checker_.verdict().lost == 0 && IsIdle() && stage_.cluster().IsHealthy());
  });
  QUANTUM_CHECK(status);
  if (!converged) {
    const bool healthy = stage_.cluster().IsHealthy();
    return Error{Errc::kTimeout, fmt::format("did not converge: {} missing, {} without outcome, the cluster is {}",
                                             checker_.verdict().lost, checker_.unresolved(),
                                             healthy ? "healthy" : "not healthy:\n" + stage_.cluster().LastWords())};
  }
  return {};
}

// Whether every group has read everything and acknowledged it.
bool Run::IsIdle() {
  const auto master = stage_.cluster().Master();
  if (!master) {
    return false;
  }
  for (const char* stream : kStreams) {
    const auto about = stage_.cluster().Ask(*master, {"XINFO", "STREAM", bus::StreamKey(stream)});
    const auto groups = stage_.cluster().Ask(*master, {"XINFO", "GROUPS", bus::StreamKey(stream)});
    const auto field = [](const redis::Reply& pairs, std::string_view name) -> redis::Reply {
      for (size_t i = 0; i + 1 < pairs.elements.size(); i += 2) {
        if (pairs.elements[i].text == name) {
          return pairs.elements[i + 1];
        }
      }
      return {};
    };
    if (!about || !groups || groups->elements.size() != Stage::kGroups) {
      return false;
    }
    const std::string last = field(*about, "last-generated-id").text;
    for (const redis::Reply& group : groups->elements) {
      if (field(group, "pending").integer != 0 || field(group, "last-delivered-id").text != last) {
        return false;
      }
    }
  }
  return true;
}

Status Run::ReadStreams() {
  for (const char* stream : kStreams) {
    QUANTUM_CHECK(ReadStream(stream));
  }
  return {};
}

// What stands in the stream goes into the history and then out of the stream, so that long runs fit into memory.
Status Run::ReadStream(const char* stream) {
  QUANTUM_TRY(const size_t master, stage_.AwaitMaster());
  std::string after = "-";
  while (true) {
    QUANTUM_TRY(const redis::Reply entries,
                stage_.cluster().Ask(master, {"XRANGE", bus::StreamKey(stream), after, "+", "COUNT", "1000"}));
    if (entries.elements.empty()) {
      break;
    }
    for (const redis::Reply& entry : entries.elements) {
      const std::string& id = entry.elements.at(0).text;
      int64_t milliseconds = 0;
      std::from_chars(id.data(), id.data() + id.size(), milliseconds);
      QUANTUM_TRY(const auto events, bus::ParseEntry(entry.elements.at(1)));
      for (const bus::Event& event : events) {
        Record record{.kind = Record::Kind::kStored, .producer = event.producer, .stream = stream, .key = event.key};
        const std::string& payload = event.payload;  // {"n":17}
        std::from_chars(payload.data() + 5, payload.data() + payload.size(), record.operation);
        record.at_ns = milliseconds * 1'000'000 - wall_offset_ns_;
        QUANTUM_CHECK(history_.Keep(ToLine(record)));
        Add(std::move(record));
      }
    }
    after = "(" + entries.elements.back().elements.at(0).text;
  }
  QUANTUM_TRY([[maybe_unused]] const auto trimmed,
              stage_.cluster().Ask(master, {"XTRIM", bus::StreamKey(stream), "MAXLEN", "0"}));
  return {};
}

Result<Chosen<Fault>> Choose(const RunOptions& options, const Network& network, const Stage& stage) {
  if (options.control) {
    return Chosen<Fault>{};
  }
  return ChooseFaults<Fault>(Faults(), options.faults, [&](const Fault& fault) -> std::string {
    const bool allowed =
        (!fault.needs_network || network.can_partition()) && (!fault.needs_small_disk || !stage.small_disk().empty());
    return allowed ? "" : network.why_not().empty() ? "no disk in memory" : network.why_not();
  });
}

Result<Report> PlayAll(fiber::Loop& loop, const RunOptions& options, const Network& network) {
  if (options.control && !network.can_partition()) {
    return Error{Errc::kUnavailable, "the negative control needs network namespaces: " + network.why_not()};
  }
  SeededRandom random(options.seed);
  QUANTUM_TRY(const auto stage, Stage::Set(loop, network, random,
                                           {.folder = options.folder,
                                            .infra = options.infra,
                                            .program = options.program,
                                            .per_second = options.per_second,
                                            .safe = !options.control}));
  QUANTUM_TRY(const Chosen<Fault> chosen, Choose(options, network, *stage));
  QUANTUM_TRY(HistoryReader history, HistoryReader::Make(stage->history_files(), options.archive));
  Report report = Run(loop, *stage, std::move(history), options).Play(chosen.faults, random);
  report.left_out = chosen.left_out;
  return report;
}

}  // namespace

Result<Report> RunChaos(const RunOptions& options) {
  log::SetLevel(log::Level::kError);
  QUANTUM_TRY(const Network network, Network::Make(Cluster::kNodes));
  fiber::Loop loop("chaos");
  std::optional<Result<Report>> report;
  loop.Spawn([&] {
    report = PlayAll(loop, options, network);
    loop.Stop();
  });
  loop.Run();
  return std::move(*report);
}

}  // namespace quantum::operate::chaos
