#include "bench/latency/parts.h"

#include <optional>

#include "platform/bus/event.h"
#include "platform/http/client.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kGroup = "bench";
constexpr auto kWait = 3s;

double MsSince(SteadyTime begin, SteadyTime end) {
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

// Reads entry by entry and notes when each came.
struct Reader {
  std::unique_ptr<redis::Connection> connection;
  std::string stream;
  fiber::Event arrived;
  fiber::Event finished;
  SteadyTime at;
  bool stop = false;

  void Run() {
    while (!stop) {
      const auto reply = connection->Run(redis::Command{"XREADGROUP", "GROUP", kGroup, "reader", "COUNT", "1", "BLOCK",
                                                        "500", "NOACK", "STREAMS", stream, ">"},
                                         kWait);
      if (!reply.ok() || reply->is_error()) {
        break;
      }
      if (!reply->is_nil()) {
        at = SystemClock().Steady();
        arrived.Set();
      }
    }
    finished.Set();
  }
};

Result<std::vector<double>> Send(redis::Connection& connection, Reader& reader, int times, Duration pause) {
  std::vector<double> ms;
  for (int i = 0; i < times; ++i) {
    fiber::SleepFor(pause);
    reader.arrived.Reset();
    const SteadyTime begin = SystemClock().Steady();
    QUANTUM_TRY(const redis::Reply added, connection.Run(redis::Command{"XADD", reader.stream, "MAXLEN", "10", "*",
                                                                        "payload", std::string(256, 'x')},
                                                         kWait));
    if (added.is_error() || !reader.arrived.WaitFor(kWait)) {
      return Error{Errc::kInternal, "a bare entry did not arrive: " + added.text};
    }
    ms.push_back(MsSince(begin, reader.at));
  }
  return ms;
}

Result<std::vector<double>> MeasureQuery(postgres::Pool& pool, const std::string& sql, int times, Duration pause) {
  std::vector<double> ms;
  for (int i = 0; i < times; ++i) {
    fiber::SleepFor(pause);
    const SteadyTime begin = SystemClock().Steady();
    QUANTUM_TRY(const postgres::Rows rows, pool.Query(sql));
    static_cast<void>(rows);
    ms.push_back(MsSince(begin, SystemClock().Steady()));
  }
  return ms;
}

}  // namespace

Result<std::vector<double>> MeasureHop(fiber::Loop& loop, redis::Client& redis, int times, Duration pause) {
  Reader reader;
  reader.stream = bus::StreamKey("bench");
  QUANTUM_TRY(redis::Reply created, redis.Run({"DEL", reader.stream}));
  QUANTUM_TRY(created, redis.Run({"XGROUP", "CREATE", reader.stream, kGroup, "$", "MKSTREAM"}));
  QUANTUM_TRY(reader.connection, redis.Dedicated(kWait));
  QUANTUM_TRY(const auto writer, redis.Dedicated(kWait));
  loop.Spawn([&reader] { reader.Run(); });
  const auto ms = Send(*writer, reader, times, pause);
  reader.stop = true;
  reader.finished.Wait();
  QUANTUM_TRY(created, redis.Run({"DEL", reader.stream}));
  return ms;
}

Result<std::vector<double>> MeasureCommit(postgres::Pool& pool, int times, Duration pause) {
  return MeasureQuery(pool, "SELECT pg_logical_emit_message(true, 'bench', 'commit')", times, pause);
}

Result<std::vector<double>> MeasureRoundTrip(postgres::Pool& pool, int times, Duration pause) {
  return MeasureQuery(pool, "SELECT 1", times, pause);
}

Result<std::vector<double>> MeasureRequest(fiber::Loop& loop, const std::string& url, int times, Duration pause) {
  http::Client client(loop);
  std::vector<double> ms;
  for (int i = 0; i < times; ++i) {
    fiber::SleepFor(pause);
    const SteadyTime begin = SystemClock().Steady();
    QUANTUM_TRY(const http::Response answer, client.Send({.url = url, .idempotent = true}));
    if (answer.status != 200) {
      return Error{Errc::kInternal, url + " answered " + std::to_string(answer.status)};
    }
    ms.push_back(MsSince(begin, SystemClock().Steady()));
  }
  return ms;
}

}  // namespace quantum::bench
