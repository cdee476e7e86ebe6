#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "tests/platform/event_audit.h"
#include "tests/platform/patient_clients.h"
#include "tests/platform/stack.h"

// Every service is restarted gracefully while the exerciser trades and clients ask. With one instance of each nobody
// answers between the end of the old process and the readiness of the new one; so two things are promised, and both
// are tested: a request that was accepted gets its answer, whatever comes; and a client that tries again where it was
// told to (connection refused, 503 with Retry-After) sees no failure at all, neither at the service nor at the gateway.
namespace quantum::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr seconds kRestartTradesMax(60);
constexpr seconds kAnswersMax(60);
constexpr seconds kEventsMax(30);

struct Load {
  const char* unit;
  const char* read;
  bool routed = true;  // the gateway serves `read` too
  struct Write {
    const char* method;
    const char* path;
    const char* body;
    std::set<int> good;
    const char* key_field = "";  // see PatientClients
    bool routed = false;
  } write;
  bool has_standby = false;
};

// What became of the requests around a restart. Refused: nothing was sent, or the service said at once that it is
// stopping or starting and when to come back, and did nothing; that may happen between the restart's beginning and its
// readiness and at no other time. Everything else that is no answer is a loss.
struct Tally {
  std::mutex mutex;
  int answered = 0;
  int refused = 0;
  int turned_away = 0;
  int never_taken = 0;  // see kNeverTakenMax
  std::map<std::string, int> lost;

  void Add(const Answer& answer, const std::set<int>& good, bool restarting) {
    const std::lock_guard lock(mutex);
    if (answer.end == Answer::End::kAnswered && good.contains(answer.status)) {
      ++answered;
    } else if (restarting && answer.end == Answer::End::kRefused) {
      ++refused;
    } else if (restarting && answer.end == Answer::End::kSilent) {
      ++never_taken;
    } else if (restarting && answer.status == 503 && answer.headers.contains("retry-after") &&
               (HasCode(answer, "DRAINING") || HasCode(answer, "STARTING") || HasCode(answer, "NOT_LEADER"))) {
      ++turned_away;
    } else {
      ++lost[Describe(answer) + (restarting ? " during the restart" : " while the unit was ready")];
    }
  }

  static bool HasCode(const Answer& answer, const std::string& code) {
    return answer.body.find("\"code\":\"" + code + "\"") != std::string::npos;
  }
  static std::string Describe(const Answer& answer) {
    switch (answer.end) {
      case Answer::End::kAnswered:
        return fmt::format("status {}: {}", answer.status,
                           answer.body.substr(0, answer.body.find(",\"correlation_id")));
      case Answer::End::kRefused:
        return "connection refused";
      case Answer::End::kTimeout:
        return "no answer in time";
      case Answer::End::kSilent:
      case Answer::End::kBroken:
        break;
    }
    return "connection broken";
  }
};

std::filesystem::path LogOf(const Stack& stack, const std::string& unit) {
  return stack.state() / "log/services" / (unit + (unit == "paper-exchange" ? ".log" : "-service.log"));
}

// The kernel may complete a handshake between the listener's last accept and its end, and resets it then: the service
// never saw it. Once for each thread that asks; the next time it is refused.
constexpr int kThreads = 4;
constexpr int kNeverTakenMax = kThreads;

// Four threads that ask without any patience: three read, one writes.
class Hasty {
 public:
  Hasty(const Stack& stack, const Load& load) {
    for (int i = 0; i < kThreads; ++i) {
      threads_.emplace_back([this, &stack, &load, writes = i == 0] {
        for (int number = 0; !stop_; ++number) {
          const Probe probe =
              writes ? Write(stack, load, number) : Probe{.port = stack.Port(load.unit), .path = load.read};
          const bool before = restarting_;
          const Answer answer = Ask(stack, load, probe);
          tally_.Add(answer, writes ? load.write.good : std::set<int>{200}, before || restarting_);
          std::this_thread::sleep_for(milliseconds(writes ? 20 : 2));
        }
      });
    }
  }
  ~Hasty() { Stop(); }
  Hasty(const Hasty&) = delete;
  Hasty& operator=(const Hasty&) = delete;

  // Of a service with two processes the other is asked when the one does nothing, as every client of ours does.
  static Answer Ask(const Stack& stack, const Load& load, Probe probe) {
    Answer answer = Send(probe);
    if (load.has_standby && (answer.end == Answer::End::kRefused || Tally::HasCode(answer, "NOT_LEADER") ||
                             Tally::HasCode(answer, "DRAINING") || Tally::HasCode(answer, "STARTING"))) {
      probe.port = stack.Port(std::string(load.unit) + "-standby");
      answer = Send(probe);
    }
    return answer;
  }
  static Probe Write(const Stack& stack, const Load& load, int number) {
    Probe probe = stack.ByOperator(load.unit, load.write.method, load.write.path, load.write.body);
    if (std::string(load.unit) == "paper-exchange") {
      probe.headers = {{"X-MBX-APIKEY", stack.Secret("exchange-key")}};
    }
    if (*load.write.key_field != '\0') {
      probe.body.insert(1, fmt::format(R"("{}":"hasty-{}-{}",)", load.write.key_field, NowMs(), number));
    }
    return probe;
  }

  void Restarting(bool is) { restarting_ = is; }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) {
        thread.join();
      }
    }
  }
  int answered() {
    const std::lock_guard lock(tally_.mutex);
    return tally_.answered;
  }
  const Tally& tally() const { return tally_; }  // once stopped

 private:
  Tally tally_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> restarting_{false};
  std::vector<std::thread> threads_;
};

std::vector<PatientClients::Target> PatientTargets(const Stack& stack, const Load& load) {
  const auto target = [&](const std::string& name, const Probe& probe, std::set<int> good, const char* key_field) {
    PatientClients::Target made;
    made.name = name;
    made.request.method = probe.method;
    made.request.url = fmt::format("http://127.0.0.1:{}{}", probe.port, probe.path);
    for (const auto& [header, value] : probe.headers) {
      made.request.headers.Set(header, value);
    }
    made.request.body = probe.body;
    made.good = std::move(good);
    made.key_field = key_field;
    return made;
  };
  Probe read{.port = stack.Port(load.unit), .path = load.read};
  Probe write = Hasty::Write(stack, load, 0);
  write.body = load.write.body;
  std::vector<PatientClients::Target> targets{target("reading", read, {200}, ""),
                                              target("writing", write, load.write.good, load.write.key_field)};
  if (load.routed) {
    read.port = stack.Port("gateway");
    targets.push_back(target("reading through the gateway", read, {200}, ""));
  }
  if (load.write.routed) {
    write.port = stack.Port("gateway");
    targets.push_back(target("writing through the gateway", write, load.write.good, load.write.key_field));
  }
  return targets;
}

// What the process with this pid left behind, from `log_begin` of its service's log on: every stage of the shutdown is
// done, and the supervisor has seen it end by itself with 0.
void ExpectItEndedInOrder(const Stack& stack, const std::string& unit, int pid, size_t log_begin) {
  const bool has_bus = unit != "paper-exchange";
  const std::string log = ReadFile(LogOf(stack, unit)).substr(log_begin);
  const std::string last_words = log.substr(0, log.find("\"message\": \"service started\""));
  std::vector<std::string> stages{"finish requests in flight", "stop what the service initiates", "close connections"};
  if (has_bus) {
    stages.insert(stages.end(), {"stop consuming events", "flush the outbox", "save state"});
  }
  for (const std::string& stage : stages) {
    EXPECT_THAT(last_words, HasSubstr(fmt::format(R"("stage": "{}")", stage))) << unit;
  }
  EXPECT_THAT(last_words, HasSubstr(R"("message": "service stopped")")) << unit;
  EXPECT_THAT(last_words, Not(HasSubstr("shutdown stage incomplete"))) << unit;
  const std::string ended = fmt::format(R"("unit": "{}", "pid": {}, "exit_code": 0)", unit, pid);
  EXPECT_TRUE(Eventually(
      seconds(10), [&] { return ReadFile(stack.state() / "log/supervisor.log").find(ended) != std::string::npos; }))
      << unit << " did not end with 0";
}

// Not a value-parameterized test: those run after all others, when trading has ended.
void RestartUnderLoad(const Load& load) {
  Stack& stack = Stack::Get();
  ASSERT_TRUE(stack.AwaitClosedAfter(NowMs(), 1, kRestartTradesMax)) << "nothing is traded";
  const int pid = stack.Unit(load.unit).pid;
  Hasty hasty(stack, load);
  std::map<std::string, std::string> standbys;
  if (load.has_standby) {
    const auto origin = [&](const std::string& unit) { return fmt::format("http://127.0.0.1:{}", stack.Port(unit)); };
    standbys[origin(load.unit)] = origin(std::string(load.unit) + "-standby");
  }
  PatientClients patient(PatientTargets(stack, load), std::move(standbys));
  ASSERT_TRUE(Eventually(kAnswersMax, [&] { return hasty.answered() >= 100 && patient.fewest() >= 5; }))
      << "the load does not get going";

  const size_t log_begin = ReadFile(LogOf(stack, load.unit)).size();
  hasty.Restarting(true);
  const Outcome restart = stack.Quantum({"restart", load.unit});
  hasty.Restarting(false);
  const int64_t ready = NowMs();
  const int answered = hasty.answered();
  const int patiently = patient.fewest();
  EXPECT_TRUE(Eventually(kAnswersMax, [&] {
    return hasty.answered() >= answered + 100 && patient.fewest() >= patiently + 5;
  })) << "it does not serve again";
  hasty.Stop();
  patient.Stop();
  EXPECT_EQ(restart.exit_code, 0) << restart.output;
  EXPECT_NE(stack.Unit(load.unit).pid, pid);
  ExpectItEndedInOrder(stack, load.unit, pid, log_begin);

  const Tally& tally = hasty.tally();
  for (const auto& [how, count] : tally.lost) {
    ADD_FAILURE() << count << " requests were lost: " << how;
  }
  EXPECT_LE(tally.never_taken, kNeverTakenMax);
  int patient_answers = 0;
  double slowest_s = 0;
  for (const auto& [name, each] : patient.tallies()) {
    patient_answers += each.answered;
    slowest_s = std::max(slowest_s, each.slowest_s);
    for (const auto& [how, count] : each.failed) {
      ADD_FAILURE() << count << " of a patient client's requests failed, " << name << ": " << how;
    }
  }
  Say(
      fmt::format("{}: {} answered; in the gap {} connections refused, {} requests turned away; {} patient requests, "
                  "the slowest after {:.1f} s",
                  load.unit, tally.answered, tally.refused, tally.turned_away, patient_answers, slowest_s));

  EXPECT_TRUE(stack.AwaitClosedAfter(ready, 1, kRestartTradesMax)) << "trading did not go on";
  const EventAudit audit = AuditEvents(stack, kEventsMax);
  Say(fmt::format("{} events of {} incarnations, {} groups, {} applied once", audit.events, audit.incarnations,
                  audit.groups, audit.applied));
  EXPECT_THAT(audit.problems, IsEmpty());
  EXPECT_GT(audit.applied, 0u);
}

const char* const kCheck = R"({"decision_id":"restart-test","symbol":"BTCUSDT","intent":"OPEN","side":"BUY",
  "quantity":"0.002","reference_price":"60000","leverage":1,"stop_loss":"59000","confidence":1,"expires_at":1,
  "mode":"PAPER"})";
// Refused for its size whatever is held: the answer matters, no order shall come of it.
const char* const kRefusedOrder =
    R"({"symbol":"BTCUSDT","side":"BUY","quantity":"50","stop_loss":"1","reduce_only":false})";

Load::Write LogLevel() { return {"PUT", "/admin/log-level", R"({"level":"INFO"})", {200, 204}}; }

TEST(GracefulRestart, OfRiskSafetyFailsNoRequestAndLosesNoEvent) {
  RestartUnderLoad({"risk-safety", "/api/risk/ess/status", true, {"POST", "/api/risk/check", kCheck, {200}, "", true}});
}

TEST(GracefulRestart, OfExecutionFailsNoRequestAndLosesNoEvent) {
  RestartUnderLoad({"execution",
                    "/api/execution/positions",
                    true,
                    {"POST", "/api/execution/order", kRefusedOrder, {409, 422}, "idempotency_key", true},
                    true});
}

TEST(GracefulRestart, OfAiEngineFailsNoRequestAndLosesNoEvent) {
  RestartUnderLoad({"ai-engine", "/api/ai/models", true, LogLevel()});
}

TEST(GracefulRestart, OfMarketdataFailsNoRequestAndLosesNoEvent) {
  RestartUnderLoad({"marketdata", "/api/market/price?symbol=BTCUSDT", true, LogLevel()});
}

TEST(GracefulRestart, OfPortfolioIntelligenceFailsNoRequestAndLosesNoEvent) {
  RestartUnderLoad({"portfolio-intelligence", "/api/portfolio/pnl", true, LogLevel()});
}

TEST(GracefulRestart, OfMonitoringHealthFailsNoRequestAndLosesNoEvent) {
  RestartUnderLoad({"monitoring-health", "/api/health/alerts", true, LogLevel()});
}

TEST(GracefulRestart, OfThePaperExchangeFailsNoRequestAndLosesNoEvent) {
  RestartUnderLoad({"paper-exchange",
                    "/paper/market",  // costs nothing of the account's request weight, which trading needs
                    false,
                    {"POST", "/fapi/v1/listenKey", "", {200}}});
}

TEST(GracefulRestart, AskedForByHttpEndsAsInOrderAsBySigterm) {
  Stack& stack = Stack::Get();
  const std::string unit = "portfolio-intelligence";
  const int pid = stack.Unit(unit).pid;
  const size_t log_begin = ReadFile(LogOf(stack, unit)).size();
  const Answer answer = Send(stack.ByOperator(unit, "POST", "/admin/shutdown", "{}"));
  ASSERT_EQ(answer.status, 202) << answer.body;
  EXPECT_TRUE(Eventually(seconds(60), [&] {
    const UnitView now = stack.Unit(unit);
    return now.state == "ready" && now.pid != pid;
  })) << "the supervisor does not bring it back";
  ExpectItEndedInOrder(stack, unit, pid, log_begin);
}

TEST(GracefulRestart, OfAllServicesLeavesNoDifferenceForVerify) {
  const Outcome verify = Stack::Get().Quantum({"verify"}, seconds(120));
  EXPECT_EQ(verify.exit_code, 0) << verify.output;
  Say("verify: " + verify.output);
}

}  // namespace
}  // namespace quantum::testing
