// bench-bus-parts [--seconds S]: where the time of a durable publish goes. Each part alone, on the same nodes and the
// same disk, in groups of 256 events of 200 bytes, one group after the other on one connection: what the whole cannot
// beat. The last rows are other designs: entries with fewer fields, several events in one entry.
#include <fmt/format.h>

#include "bench/bus/redis_benchmark.h"
#include "bench/bus/setting.h"
#include "bench/command_line/command_line.h"
#include "platform/base/id.h"
#include "platform/bus/broker.h"
#include "platform/bus/codec.h"
#include "platform/bus/journal/journal.h"
#include "platform/redis/protocol.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;

constexpr size_t kGroup = 256;
constexpr size_t kPayload = 200;

// Runs body again and again for so long: microseconds of one event, and the rate that follows.
void Report(const std::string& name, double seconds, const std::function<void()>& body) {
  body();
  const SteadyTime begin = SystemClock().Steady();
  const SteadyTime end = begin + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  size_t groups = 0;
  while (SystemClock().Steady() < end) {
    body();
    ++groups;
  }
  const double us = MsBetween(begin, SystemClock().Steady()) * 1000 / static_cast<double>(groups);
  fmt::print("{:<64}{:>10.1f}{:>10.3f}{:>12.0f}\n", name, us, us / kGroup, kGroup / us * 1e6);
}

struct Source {
  std::string incarnation = NewIncarnation();
  uint64_t sequence = 0;

  std::vector<bus::EventPtr> Next() {
    std::vector<bus::EventPtr> events;
    for (size_t i = 0; i < kGroup; ++i) {
      bus::Event event = MakeEvent(i, kPayload);
      event.id = NewUuid(SystemClock());
      event.producer = event.source = "bench";
      event.incarnation = incarnation;
      event.sequence = ++sequence;
      event.timestamp_ns = ToUnixNs(SystemClock().Now());
      events.push_back(std::make_shared<const bus::Event>(std::move(event)));
    }
    return events;
  }
};

void MeasureJournal(const Setting& setting, double seconds) {
  const auto folder = setting.cluster().directory() / "journal-parts";
  std::filesystem::create_directory(folder);
  auto storage = bus::journal::DirectoryStorage::Open(folder.string());
  QUANTUM_ASSERT(storage.ok());
  auto journal = bus::journal::Journal::Open(**storage, {.producer = "bench", .bytes_max = 4ull << 30},
                                             NewIncarnation(), SystemClock().Steady(), SystemClock().Now());
  QUANTUM_ASSERT(journal.ok());
  const auto append = [&] {
    for (size_t i = 0; i < kGroup; ++i) {
      bus::Event event = MakeEvent(i, kPayload);
      event.id = NewUuid(SystemClock());
      QUANTUM_ASSERT((*journal)->Append(std::move(event)).ok());
    }
    const auto job = (*journal)->Next(SystemClock().Steady(), SystemClock().Now());
    QUANTUM_ASSERT(job.has_value());
    (*journal)->Confirm(0, (*journal)->last(0), SystemClock().Steady());
    (*journal)->Retire(SystemClock().Steady() + 1min);
    return *job;
  };
  Report("journal: number, encode, checksum", seconds, [&] {
    append();
    (*journal)->Finish({});
  });
  Report("journal: the same, write and fdatasync", seconds,
         [&] { (*journal)->Finish(bus::journal::CarryOut(append(), **storage)); });
}

// Fields as one packed text, and the payload beside it.
std::string Packed(const bus::Event& event) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", event.id, event.type, event.version, event.producer,
                     event.incarnation, event.sequence, event.source, event.key, event.correlation_id, event.cause,
                     event.timestamp_ns);
}

class Peer {
 public:
  Peer(redis::Connection& connection, bool wait) : connection_(connection), wait_(wait) {}

  void Run(std::vector<redis::Command> commands) {
    if (wait_) {
      commands.push_back({"WAIT", "1", "1000"});
    }
    const auto replies = connection_.Run(commands, 5s);
    QUANTUM_ASSERT(replies.ok() && !replies->front().is_error());
    QUANTUM_ASSERT(!wait_ || replies->back().integer >= 1);
  }

 private:
  redis::Connection& connection_;
  const bool wait_;
};

void MeasureBroker(fiber::Loop& loop, Setting& setting, double seconds) {
  redis::Client redis(loop, setting.cluster().Options());
  const std::string stream = bus::StreamKey(kFamily);
  Source source;
  Report("events made (part of every row below)", seconds, [&] { source.Next(); });
  Report("encode: fields to words to RESP", seconds, [&] {
    redis::Command words{"FCALL"};
    for (const auto& event : source.Next()) {
      bus::AppendStoredFields(*event, words);
    }
    QUANTUM_ASSERT(!redis::Encode(words).empty());
  });
  for (const int replicas : {0, 1}) {
    source = {};
    bus::Broker broker(redis, replicas);
    QUANTUM_ASSERT(broker.Connect(5s).ok());
    Report(fmt::format("append function{}", replicas == 0 ? ", no WAIT" : " and WAIT 1 (what the sender does)"),
           seconds, [&] {
             QUANTUM_ASSERT(broker.Append({{{"bench", source.incarnation, kFamily}, source.Next()}}).ok());
           });
    setting.DropStream();
  }
  auto connection = redis.Dedicated(5s);
  QUANTUM_ASSERT(connection.ok());
  for (const bool wait : {false, true}) {
    Peer peer(**connection, wait);
    const std::string suffix = wait ? " and WAIT 1" : ", no WAIT";
    Report("native XADD, all fields" + suffix, seconds, [&] {
      std::vector<redis::Command> commands;
      for (const auto& event : source.Next()) {
        redis::Command command{"XADD", stream, "*"};
        const auto fields = bus::EntryFields(*event);
        command.insert(command.end(), fields.begin(), fields.end());
        commands.push_back(std::move(command));
      }
      peer.Run(std::move(commands));
    });
    setting.DropStream();
    Report("native XADD, payload alone" + suffix, seconds, [&] {
      std::vector<redis::Command> commands;
      for (const auto& event : source.Next()) {
        commands.push_back({"XADD", stream, "*", "payload", event->payload});
      }
      peer.Run(std::move(commands));
    });
    setting.DropStream();
    Report("native XADD, two fields: packed, payload" + suffix, seconds, [&] {
      std::vector<redis::Command> commands;
      for (const auto& event : source.Next()) {
        commands.push_back({"XADD", stream, "*", "e", Packed(*event), "payload", event->payload});
      }
      peer.Run(std::move(commands));
    });
    setting.DropStream();
    for (const size_t in_entry : {16, 256}) {
      Report(fmt::format("native XADD, {} events in an entry{}", in_entry, suffix), seconds, [&] {
        std::vector<redis::Command> commands;
        std::string packed;
        size_t count = 0;
        for (const auto& event : source.Next()) {
          packed += Packed(*event) + event->payload;
          if (++count % in_entry == 0) {
            commands.push_back({"XADD", stream, "*", "events", std::exchange(packed, {})});
          }
        }
        peer.Run(std::move(commands));
      });
      setting.DropStream();
    }
  }
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  using namespace quantum::bench;
  double seconds = 2;
  CommandLine line("The parts of a durable publish, each alone");
  line.Add("--seconds", &seconds, 0.1, 60.0, "of each part");
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  PrepareBus();
  Setting setting;
  fmt::print("{}\ngroups of {} events of {} bytes, one after the other, load average {:.1f}\n", Setting::Describe(),
             kGroup, kPayload, Load1());
  fmt::print("{:<64}{:>10}{:>10}{:>12}\n", "", "us/group", "us/event", "events/s");
  MeasureJournal(setting, seconds);
  LoopThread thread("parts");
  thread.Run([&] { MeasureBroker(thread.loop(), setting, seconds); });
  const auto sync = MeasureSync(setting.cluster().directory(), 500, 4096);
  fmt::print("fdatasync of 4096 bytes: p50 {:.3f} ms, p99 {:.3f} ms\n", Quantile(sync, 0.5), Quantile(sync, 0.99));
  fmt::print("redis-benchmark -c 4 -P 64 XADD, payload alone: {:.0f}/s\n", XaddRate(setting, kPayload, 200'000));
  return 0;
}
