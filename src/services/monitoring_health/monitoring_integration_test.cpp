// The program itself, beside a real Redis cluster and a service that answers /health as it is told.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "platform/base/id.h"
#include "platform/bus/codec.h"
#include "platform/http/client.h"
#include "platform/http/server.h"
#include "tests/support/checkout/checkout.h"
#include "tests/support/process.h"
#include "tests/support/redis_cluster.h"

namespace quantum::monitoring_health {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
namespace json = boost::json;
namespace support = quantum::testing;

constexpr const char* kWell = R"({"service": "execution-service", "status": "OK", "dependencies": {}})";

void InFiber(const std::function<void(fiber::Loop&)>& body) {
  fiber::Loop loop("caller");
  loop.Spawn([&] {
    body(loop);
    loop.Stop();
  });
  loop.Run();
}

// A service on a loop and thread of its own whose health is what it is told.
class ToldService {
 public:
  explicit ToldService(int port) : server_(loop_, {.port = port}) {
    server_.Route("GET", "/health", [this](const http::Request&) {
      const std::lock_guard lock(mutex_);
      return http::Json(health_);
    });
    thread_ = std::thread([this] { loop_.Run(); });
    std::atomic<bool> started{false};
    loop_.Spawn([&] {
      EXPECT_TRUE(server_.Start().ok());
      started = true;
    });
    EXPECT_TRUE(support::Eventually(5s, [&] { return started.load(); }));
  }
  ~ToldService() {
    loop_.Spawn([this] {
      server_.Stop();
      loop_.Stop();
    });
    thread_.join();
  }
  void Say(std::string health) {
    const std::lock_guard lock(mutex_);
    health_ = std::move(health);
  }

 private:
  std::mutex mutex_;
  std::string health_ = kWell;
  fiber::Loop loop_{"told"};
  http::Server server_;
  std::thread thread_;
};

class Monitoring : public ::testing::Test {
 protected:
  Monitoring() : ports_(support::FreePorts(2)), execution_(ports_[1]) {
    const redis::ClientOptions options = cluster_.Options();
    std::filesystem::create_directories(state_.path() / "secrets");
    std::filesystem::create_directories(state_.path() / "log");
    for (const auto& [name, text] :
         std::map<std::string, std::string>{{"redis-service", options.password},
                                            {"sentinel-client", options.sentinel_password},
                                            {"operator-token", "operator-token-of-the-test"},
                                            {"service-token", "service-token-of-the-test"}}) {
      support::WriteFile(state_.path() / "secrets" / name, text);
    }
    std::string units;
    int number = 0;
    for (const redis::Endpoint& node : cluster_.nodes()) {
      units += fmt::format("  redis-{}: {{kind: server, command: [x], port: {}}}\n", ++number, node.port);
    }
    number = 0;
    for (const redis::Endpoint& sentinel : cluster_.Options().sentinels) {
      units += fmt::format("  sentinel-{}: {{kind: server, command: [x], port: {}}}\n", ++number, sentinel.port);
    }
    support::WriteFile(
        state_.path() / "quantum.yml",
        fmt::format(
            "version: 1\nmode: PAPER\nsymbols: [BTCUSDT]\n"
            "services:\n  monitoring-health: {{interval: 200ms, slow: 10s, deadline: 10s, service_deadline: 10s,\n"
            "    essential: [execution]}}\nunits:\n{}"
            "  execution: {{kind: service, command: [x], port: {}}}\n"
            "  monitoring-health: {{kind: service, command: [x], port: {}}}\n",
            units, ports_[1], ports_[0]));
    Start();
  }

  void Start() {
    std::string sentinels;
    for (const redis::Endpoint& sentinel : cluster_.Options().sentinels) {
      sentinels += fmt::format("{}{}:{}", sentinels.empty() ? "" : ",", sentinel.host, sentinel.port);
    }
    process_.emplace(support::ProcessOptions{
        .command = {checkout::BinaryDirectory() + "/quantum-monitoring-health"},
        .output = state_.path() / "output",
        .environment = {"QUANTUM_MANIFEST=" + (state_.path() / "quantum.yml").string(),
                        "QUANTUM_STATE_DIR=" + state_.path().string(), "REDIS_SENTINEL_HOSTS=" + sentinels}});
    ASSERT_TRUE(support::Eventually(30s, [this] { return Get("/api/health/system").status == 200; }))
        << support::ReadFile(state_.path() / "output");
  }

  http::Response Get(const std::string& path) const {
    http::Response response{.status = 0};
    InFiber([&](fiber::Loop& loop) {
      http::Client client(loop);
      if (auto answer = client.Send({.url = Url("http", path), .idempotent = true}); answer.ok()) {
        response = *std::move(answer);
      }
    });
    return response;
  }
  std::string Url(std::string_view scheme, std::string_view path) const {
    return fmt::format("{}://127.0.0.1:{}{}", scheme, ports_[0], path);
  }
  // Empty when there is no answer.
  std::string SystemStatus() const {
    const http::Response answer = Get("/api/health/system");
    return answer.status == 200 ? std::string(json::parse(answer.body).at("status").as_string()) : std::string();
  }
  std::set<std::string> Alerts(const char* list = "items") const {
    std::set<std::string> keys;
    const json::value alerts = json::parse(Get("/api/health/alerts").body);
    for (const json::value& alert : alerts.at(list).as_array()) {
      keys.emplace(alert.at("key").as_string());
    }
    return keys;
  }
  bool AlertStands(const std::string& key) const { return Alerts().count(key) == 1; }
  // The alerts' keys in events of a type, as they stand in the stream.
  std::vector<std::string> Published(const std::string& type) const {
    std::istringstream lines(cluster_.Ask(cluster_.AwaitMaster(), {"XRANGE", bus::StreamKey("health"), "-", "+"}));
    std::vector<std::string> keys;
    bool wanted = false;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("health.")) {
        wanted = line == type;
      } else if (wanted && line.starts_with("{")) {
        keys.emplace_back(json::parse(line).at("key").as_string());
      }
    }
    return keys;
  }
  // How often one alert stands in the events of a type. Others may stand beside it: a slow machine is DEGRADED at
  // times.
  long PublishedOf(const std::string& type, const std::string& key) const {
    const std::vector<std::string> keys = Published(type);
    return std::count(keys.begin(), keys.end(), key);
  }
  void Append(const std::string& type, uint64_t sequence, const std::string& cid) const {
    bus::Event event;
    event.id = NewUuid();
    event.type = type;
    event.producer = event.source = "risk-safety-service";
    event.incarnation = "0123456789abcdef0123456789abcdef";
    event.sequence = sequence;
    event.key = "ess";
    event.correlation_id = cid;
    event.timestamp_ns = ToUnixNs(SystemClock().Now());
    event.payload = R"({"from": "ARMED", "to": "TRIPPED", "reason": "MANUAL: test", "time": 1700000000000})";
    std::vector<std::string> command = {"XADD", bus::StreamKey("ess"), "*"};
    const auto fields = bus::EntryFields(event);
    command.insert(command.end(), fields.begin(), fields.end());
    cluster_.Ask(cluster_.AwaitMaster(), command);
  }

  support::RedisCluster cluster_;
  support::TemporaryDirectory state_{"monitoring"};
  std::vector<int> ports_;
  ToldService execution_;
  std::optional<support::Process> process_;
};

TEST_F(Monitoring, RaisesOneAlertPerOutageEvenWhenItIsKilledMeanwhile) {
  EXPECT_TRUE(support::Eventually(30s, [this] { return SystemStatus() == "OK"; })) << Get("/api/health/system").body;

  execution_.Say("<html>who is there?</html>");
  EXPECT_TRUE(support::Eventually(30s, [this] { return AlertStands("service_down:execution"); }));
  EXPECT_TRUE(support::Eventually(30s, [this] { return SystemStatus() == "DOWN"; })) << SystemStatus();
  EXPECT_THAT(Get("/api/health/system").body,
              HasSubstr("something that is no health report: '<html>who is there?</html>'"));
  EXPECT_TRUE(support::Eventually(30s, [this] {
    return json::parse(Get("/health").body).at("status").as_string() == "OK";
  })) << "its own health is not that of the others";
  EXPECT_EQ(Get("/health/live").status, 200);
  constexpr const char* kAlert = "service_down:execution";
  EXPECT_TRUE(support::Eventually(30s, [this] { return PublishedOf("health.alert_raised", kAlert) == 1; }));

  process_->Kill();
  Start();
  EXPECT_TRUE(AlertStands("service_down:execution"));

  execution_.Say(kWell);
  EXPECT_TRUE(
      support::Eventually(30s, [this] { return Alerts("recently_cleared").count("service_down:execution") == 1; }));
  EXPECT_FALSE(AlertStands("service_down:execution"));
  EXPECT_TRUE(support::Eventually(30s, [this] { return PublishedOf("health.alert_cleared", kAlert) >= 1; }));
  EXPECT_EQ(PublishedOf("health.alert_cleared", kAlert), 1);
  EXPECT_EQ(PublishedOf("health.alert_raised", kAlert), 1);
  EXPECT_EQ(process_->Stop(60s), 0);
}

TEST_F(Monitoring, AnUnprotectedPositionIsAnAlertOfItsOwnWhileTheServiceIsDegradedAlready) {
  const auto degraded = [](const std::string& topics) {
    return R"({"service": "execution-service", "status": "DEGRADED", "dependencies": {}, "metrics": {"degraded": )" +
           topics + "}}";
  };
  execution_.Say(degraded(R"({"halt": "halted: by hand"})"));
  EXPECT_TRUE(support::Eventually(30s, [this] { return AlertStands("service_degraded:execution:halt"); }));
  EXPECT_FALSE(AlertStands("service_degraded:execution:unprotected"));
  execution_.Say(degraded(R"({"halt": "halted: by hand", "unprotected": "BTCUSDT has no stop"})"));
  EXPECT_TRUE(support::Eventually(30s, [this] { return AlertStands("service_degraded:execution:unprotected"); }));
  EXPECT_THAT(Get("/api/health/alerts").body, HasSubstr("BTCUSDT has no stop"));
  EXPECT_THAT(Get("/metrics").body, HasSubstr("service_health_status{component=\"execution-service\"} 0.5\n"));
  execution_.Say(degraded(R"({"halt": "halted: by hand"})"));
  EXPECT_TRUE(support::Eventually(30s, [this] { return !AlertStands("service_degraded:execution:unprotected"); }));
  EXPECT_TRUE(AlertStands("service_degraded:execution:halt"));
  execution_.Say(kWell);
  EXPECT_TRUE(support::Eventually(30s, [this] { return !AlertStands("service_degraded:execution:halt"); }));
}

TEST_F(Monitoring, AnOutboxThatWaitsIsRaisedOnceAlsoWhileTheServiceIsDownAndClearedOnce) {
  constexpr const char* kAlert = "service_degraded:execution:outbox";
  const auto waiting = [](const std::string& status, const std::string& topics) {
    return fmt::format(R"({{"service": "execution-service", "status": "{}", "dependencies": {{}}, )"
                       R"("metrics": {{"degraded": {{{}}}}}}})",
                       status, topics);
  };
  execution_.Say(waiting("DOWN", R"("outbox": "7 events wait for the broker, the oldest for 15 s: no master")"));
  EXPECT_TRUE(support::Eventually(30s, [&] { return AlertStands(kAlert); }));
  EXPECT_THAT(Get("/api/health/alerts").body, HasSubstr("the oldest for 15 s: no master"));
  execution_.Say(waiting("DEGRADED", R"("outbox": "9 events wait for the broker, the oldest for 21 s: group g lags")"));
  EXPECT_TRUE(support::Eventually(
      10s, [this] { return Get("/api/health/alerts").body.find("the oldest for 21 s") != std::string::npos; }));
  execution_.Say(kWell);
  EXPECT_TRUE(support::Eventually(30s, [&] { return !AlertStands(kAlert); }));
  EXPECT_TRUE(support::Eventually(30s, [&] { return PublishedOf("health.alert_cleared", kAlert) >= 1; }));
  EXPECT_EQ(PublishedOf("health.alert_cleared", kAlert), 1);
  EXPECT_EQ(PublishedOf("health.alert_raised", kAlert), 1);
}

TEST_F(Monitoring, LosesAReplicaAndIsOnlyDegraded) {
  const size_t replica = (cluster_.AwaitMaster() + 1) % support::RedisCluster::kNodes;
  cluster_.KillNode(replica);
  EXPECT_TRUE(support::Eventually(30s, [&] { return AlertStands(fmt::format("server_down:redis-{}", replica + 1)); }));
  EXPECT_TRUE(support::Eventually(30s, [this] { return SystemStatus() == "DEGRADED"; })) << SystemStatus();
  const std::string gauge = fmt::format("service_health_status{{component=\"redis-{}\"}} 0\n", replica + 1);
  EXPECT_TRUE(support::Eventually(30s, [&] { return Get("/metrics").body.find(gauge) != std::string::npos; }));
}

TEST_F(Monitoring, FollowsTheEmergencyStopByItsEventsAndTracesThem) {
  Append("ess.tripped", 1, "trip-by-hand-0001");
  EXPECT_TRUE(support::Eventually(30s, [this] { return AlertStands("ess_tripped"); }));
  Append("ess.rearmed", 2, "trip-by-hand-0001");
  EXPECT_TRUE(support::Eventually(30s, [this] { return Alerts("recently_cleared").count("ess_tripped") == 1; }));

  const json::value trace = json::parse(Get("/api/health/trace/trip-by-hand-0001").body);
  ASSERT_EQ(trace.at("items").as_array().size(), 2u);
  EXPECT_EQ(trace.at("items").as_array()[0].at("what").as_string(), "ess.tripped");
  EXPECT_EQ(trace.at("items").as_array()[1].at("what").as_string(), "ess.rearmed");
  EXPECT_TRUE(trace.at("complete").as_bool());
  EXPECT_EQ(Get("/api/health/trace/nothing-has-this-id").status, 404);
  EXPECT_EQ(Get("/api/health/trace/" + NewUuid()).status, 404);
  EXPECT_EQ(Get("/api/health/trace/short").status, 400);
}

TEST_F(Monitoring, ServesItsPageAndPushesEverySnapshot) {
  EXPECT_THAT(Get("/").body, HasSubstr("<script src=\"/status.js\" defer></script>"));
  EXPECT_THAT(Get("/status.js").body, HasSubstr("/api/health/system"));
  EXPECT_THAT(Get("/status.css").body, HasSubstr(".badge"));
  InFiber([this](fiber::Loop& loop) {
    http::WebSocketClient client(loop);
    ASSERT_TRUE(client.Connect(Url("ws", "/api/health/live"), 5s).ok());
    std::string before;
    for (int i = 0; i < 3; ++i) {
      const auto text = client.Read(5s);
      ASSERT_TRUE(text.ok()) << text.error().message;
      const json::value message = json::parse(*text);
      EXPECT_EQ(message.at("system").at("mode").as_string(), "PAPER");
      EXPECT_TRUE(message.at("alerts").at("items").is_array());
      const std::string checked_at(message.at("system").at("checked_at").as_string());
      EXPECT_GT(checked_at, before) << "each is a new snapshot";
      before = checked_at;
    }
  });
}

}  // namespace
}  // namespace quantum::monitoring_health
