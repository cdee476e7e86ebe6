// bench-bus-latency [--json] [--seconds S] [--rates A,B]: from the call of Publish to the handler of another process'
// group, in an open loop, beside a bare XADD -> XREADGROUP hop and an fdatasync measured in the same run on the same
// servers and disk. Publisher (with a journal) and consumer have a thread each, as two services have; an event's time
// counts from the moment it was due. Goal: p50 <= 1.5 times the larger of hop and fdatasync, plus one hop.
#include <fmt/format.h>

#include <atomic>
#include <charconv>

#include "bench/bus/setting.h"
#include "bench/command_line/command_line.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;

constexpr size_t kPayload = 200;
constexpr size_t kPublishers = 1024;  // publishes at once, at most
constexpr double kFactor = 1.5;
constexpr Duration kWarmUp = 1s;

int64_t Now() { return SystemClock().Steady().time_since_epoch().count(); }

std::string Stamped(int64_t at) {
  std::string payload = fmt::format("{:020}", at);
  return payload + Payload(static_cast<size_t>(at), kPayload - payload.size());
}

double MsSince(std::string_view payload, int64_t now) {
  int64_t at = 0;
  std::from_chars(payload.data(), payload.data() + 20, at);
  return static_cast<double>(now - at) / 1e6;
}

// Bare entries one after the other, each read by a waiting XREADGROUP on another thread.
std::vector<double> MeasureHop(Setting& setting, int times) {
  const std::string stream = bus::StreamKey("hop");
  setting.AskMaster({"DEL", stream});
  setting.AskMaster({"XGROUP", "CREATE", stream, "g", "$", "MKSTREAM"});
  LoopThread writer("writer");
  LoopThread reader("reader");
  std::vector<double> ms;
  std::atomic<size_t> arrived = 0;
  std::promise<void> ready;
  auto reading = std::async(std::launch::async, [&] {
    reader.Run([&] {
      redis::Client redis(reader.loop(), setting.cluster().Options());
      const auto connection = redis.Dedicated(5s);
      QUANTUM_ASSERT(connection.ok());
      ready.set_value();
      while (ms.size() < static_cast<size_t>(times)) {
        const auto reply = (*connection)
                               ->Run(redis::Command{"XREADGROUP", "GROUP", "g", "reader", "COUNT", "1", "BLOCK", "5000",
                                                    "NOACK", "STREAMS", stream, ">"},
                                     10s);
        const int64_t now = Now();
        QUANTUM_ASSERT(reply.ok() && !reply->is_error() && !reply->is_nil());
        ms.push_back(
            MsSince(reply->elements.at(0).elements.at(1).elements.at(0).elements.at(1).elements.at(1).text, now));
        arrived = ms.size();
      }
    });
  });
  ready.get_future().wait();
  writer.Run([&] {
    redis::Client redis(writer.loop(), setting.cluster().Options());
    const auto connection = redis.Dedicated(5s);
    QUANTUM_ASSERT(connection.ok());
    for (int i = 0; i < times; ++i) {
      fiber::SleepFor(1ms);
      QUANTUM_ASSERT((*connection)->Run(redis::Command{"XADD", stream, "*", "payload", Stamped(Now())}, 5s).ok());
      while (arrived < static_cast<size_t>(i) + 1) {
        fiber::SleepFor(50us);
      }
    }
  });
  reading.wait();
  setting.AskMaster({"DEL", stream});
  return ms;
}

struct Flow {
  double rate = 0;
  std::vector<double> delivered_ms;  // due -> handler
  std::vector<double> returned_ms;   // due -> Publish returned
  size_t published = 0;
  double achieved = 0;  // a second
};

// Fibers that wait for an event to publish: starting one for each event would cost more than publishing it.
class Publishers {
 public:
  Publishers(fiber::Loop& loop, bus::Bus& bus, Flow& flow) {
    for (size_t i = 0; i < kPublishers; ++i) {
      workers_.push_back(std::make_unique<Worker>());
      idle_.push_back(workers_.back().get());
      loop.Spawn([this, &bus, &flow, worker = workers_.back().get()] { Work(bus, flow, *worker); });
    }
  }

  // False while all are busy.
  bool Publish(size_t number, int64_t due, bool counts) {
    if (idle_.empty()) {
      return false;
    }
    Worker& worker = *idle_.back();
    idle_.pop_back();
    worker.number = number;
    worker.due = due;
    worker.counts = counts;
    worker.go.Set();
    return true;
  }

  void Stop() {
    while (idle_.size() < workers_.size()) {
      fiber::SleepFor(1ms);
    }
    stopped_ = true;
    for (const auto& worker : workers_) {
      worker->go.Set();
    }
    while (ended_ < workers_.size()) {
      fiber::SleepFor(1ms);
    }
  }

 private:
  struct Worker {
    fiber::Event go;
    size_t number = 0;
    int64_t due = 0;
    bool counts = false;
  };

  void Work(bus::Bus& bus, Flow& flow, Worker& worker) {
    while (true) {
      worker.go.Wait();
      worker.go.Reset();
      if (stopped_) {
        ++ended_;
        return;
      }
      bus::Event event = MakeEvent(worker.number, 0);
      event.payload = worker.counts ? Stamped(worker.due) : "w" + Payload(worker.number, kPayload - 1);
      QUANTUM_ASSERT(bus.Publish(std::move(event)).ok());
      if (worker.counts) {
        flow.returned_ms.push_back(static_cast<double>(Now() - worker.due) / 1e6);
      }
      idle_.push_back(&worker);
    }
  }

  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> idle_;
  bool stopped_ = false;
  size_t ended_ = 0;
};

void PublishAt(fiber::Loop& loop, bus::Bus& bus, double rate, double seconds, Flow& flow) {
  Publishers publishers(loop, bus, flow);
  const auto step = static_cast<int64_t>(1e9 / rate);
  const int64_t begin = Now();
  const int64_t counted_from = begin + kWarmUp.count();
  const int64_t end = counted_from + static_cast<int64_t>(seconds * 1e9);
  size_t number = 0;
  for (int64_t due = begin; due < end; due += step) {
    const int64_t now = Now();
    if (due > now) {
      fiber::SleepFor(Duration(due - now));
    }
    while (!publishers.Publish(number, due, due >= counted_from)) {
      fiber::SleepFor(100us);
    }
    ++number;
  }
  publishers.Stop();
  flow.published = number;
  flow.achieved = static_cast<double>(number) / (static_cast<double>(Now() - begin) / 1e9);
}

Flow MeasureFlow(Setting& setting, double rate, double seconds) {
  Flow flow{.rate = rate};
  LoopThread consuming("consumer");
  LoopThread publishing("publisher");
  std::atomic<size_t> delivered = 0;
  std::unique_ptr<redis::Client> redis;
  std::unique_ptr<bus::Bus> consumer;
  consuming.Run([&] {
    redis = std::make_unique<redis::Client>(consuming.loop(), setting.cluster().Options());
    consumer = std::make_unique<bus::Bus>(consuming.loop(), *redis, nullptr, setting.Options("consumer"));
    consumer->Subscribe({.types = {kType}, .handler = [&](const bus::Event& event) -> Status {
                           if (event.payload[0] == '0') {  // else of the warm-up
                             flow.delivered_ms.push_back(MsSince(event.payload, Now()));
                           }
                           ++delivered;
                           return {};
                         }});
    QUANTUM_ASSERT(consumer->Start().ok());
  });
  publishing.Run([&] {
    redis::Client own(publishing.loop(), setting.cluster().Options());
    const auto bus =
        bus::Bus::Open(publishing.loop(), own, nullptr, setting.OptionsWithJournal(fmt::format("publisher-{}", rate)));
    QUANTUM_ASSERT(bus.ok());
    QUANTUM_ASSERT((*bus)->Publish(MakeEvent(0, kPayload)).ok());
    PublishAt(publishing.loop(), **bus, rate, seconds, flow);
    QUANTUM_ASSERT((*bus)->Flush(30s).ok());
    (*bus)->Stop();
  });
  QUANTUM_ASSERT(testing::Eventually(30s, [&] { return delivered >= flow.published; }));
  consuming.Run([&] {
    consumer.reset();
    redis.reset();
  });
  setting.DropStream();
  return flow;
}

struct Report {
  std::vector<double> hop_ms;
  std::vector<double> sync_ms;
  std::vector<Flow> flows;

  double Bound() const {
    const double hop = Quantile(hop_ms, 0.5);
    return kFactor * std::max(hop, Quantile(sync_ms, 0.5)) + hop;
  }
};

Report Measure(const std::vector<double>& rates, double seconds) {
  Report report;
  Setting setting;
  // Before, between and after: what is compared shares its minutes.
  const auto measure_limits = [&] {
    for (const double ms : MeasureHop(setting, 1000)) {
      report.hop_ms.push_back(ms);
    }
    for (const double ms : MeasureSync(setting.cluster().directory(), 500, 512)) {
      report.sync_ms.push_back(ms);
    }
  };
  measure_limits();
  for (const double rate : rates) {
    report.flows.push_back(MeasureFlow(setting, rate, seconds));
    measure_limits();
  }
  return report;
}

void PrintTable(const Report& report, double seconds) {
  fmt::print("{}\n{}-byte payloads, 64 keys, open loop, {} s each rate, load average {:.1f}\n", Setting::Describe(),
             kPayload, seconds, Load1());
  fmt::print("{:<48}{:>10}{:>10}\n", "milliseconds", "p50", "p99");
  const auto line = [](const std::string& name, const std::vector<double>& ms) {
    fmt::print("{:<48}{:>10.3f}{:>10.3f}\n", name, Quantile(ms, 0.5), Quantile(ms, 0.99));
  };
  line("bare hop, XADD to XREADGROUP", report.hop_ms);
  line("fdatasync of 512 bytes", report.sync_ms);
  const double bound = report.Bound();
  for (const Flow& flow : report.flows) {
    line(fmt::format("{:.0f}/s ({:.0f} kept): publish to delivery", flow.rate, flow.achieved), flow.delivered_ms);
    line("    publish to its return (on disk)", flow.returned_ms);
    const double p50 = Quantile(flow.delivered_ms, 0.5);
    fmt::print("    p50 {:.3f} ms against 1.5 times the larger plus one hop, {:.3f} ms: ratio {:.2f}, {}\n", p50, bound,
               p50 / bound, p50 <= bound ? "met" : "MISSED");
  }
}

void PrintJson(const Report& report) {
  for (const Flow& flow : report.flows) {
    fmt::print(
        "{{\"bench\": \"bus-latency\", \"rate\": {:.0f}, \"kept\": {:.0f}, \"load\": {:.2f}, \"delivered_p50_ms\": "
        "{:.3f}, "
        "\"delivered_p99_ms\": {:.3f}, \"returned_p50_ms\": {:.3f}, \"returned_p99_ms\": {:.3f}, \"hop_p50_ms\": "
        "{:.3f}, "
        "\"hop_p99_ms\": {:.3f}, \"fdatasync_p50_ms\": {:.3f}, \"fdatasync_p99_ms\": {:.3f}, \"bound_ms\": {:.3f}}}\n",
        flow.rate, flow.achieved, Load1(), Quantile(flow.delivered_ms, 0.5), Quantile(flow.delivered_ms, 0.99),
        Quantile(flow.returned_ms, 0.5), Quantile(flow.returned_ms, 0.99), Quantile(report.hop_ms, 0.5),
        Quantile(report.hop_ms, 0.99), Quantile(report.sync_ms, 0.5), Quantile(report.sync_ms, 0.99), report.Bound());
  }
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  using namespace quantum::bench;
  double seconds = 5;
  std::vector<double> rates{1000, 20000};
  bool json = false;
  CommandLine line("From publish to delivery, beside a bare hop and an fdatasync");
  line.Add("--seconds", &seconds, 0.5, 60.0, "of each rate");
  line.Add("--rates", &rates, "events a second");
  line.AddFlag("--json", json, "JSON lines instead of a table");
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  PrepareBus();
  const Report report = Measure(rates, seconds);
  json ? PrintJson(report) : PrintTable(report, seconds);
  for (const Flow& flow : report.flows) {
    if (Quantile(flow.delivered_ms, 0.5) > report.Bound()) {
      return 1;
    }
  }
  return 0;
}
