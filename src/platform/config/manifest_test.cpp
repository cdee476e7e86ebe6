#include "platform/config/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "platform/config/units.h"
#include "tests/support/checkout/checkout.h"

namespace quantum::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class ManifestTest : public testing::Test {
 protected:
  ManifestTest() {
    char name[] = "/tmp/quantum-manifest-XXXXXX";
    directory_ = mkdtemp(name);
    path_ = directory_ + "/quantum.yml";
  }
  ~ManifestTest() override { std::filesystem::remove_all(directory_); }

  Result<Manifest> Load(const std::string& text, const std::vector<std::string>& overrides = {}, int offset = 0) {
    std::ofstream(path_) << text;
    return Manifest::Load(path_, overrides, offset);
  }

  // The complaint without the directory: "quantum.yml:3: …".
  std::string Complaint(const std::string& text, const std::vector<std::string>& overrides = {}, int offset = 0) {
    const auto manifest = Load(text, overrides, offset);
    if (manifest.ok()) {
      return "none";
    }
    const std::string& message = manifest.error().message;
    return message.starts_with(directory_) ? message.substr(directory_.size() + 1) : message;
  }

  std::string directory_;
  std::string path_;
};

const std::string kHead = "version: 1\nmode: PAPER\n";  // two lines

TEST_F(ManifestTest, ReadsEverythingThatAUnitCanSay) {
  const auto manifest = Load(kHead + R"(symbols: [BTCUSDT, ETHUSDT]
units:
  redis-1:
    kind: server
    command: [redis-server, "${ETC}/redis one.conf"]
    environment: {A: b}
    user: quantum
    port: 6379
    ready: {tcp: true, interval: 100ms}
    restart_delay: 5s
    restart_delay_max: 4s
    retry_interval: 60s
    halts_entries: true
    live: {redis: ping, user: service, secret: redis-service}
    limits: {memory: 2GiB, open_files: 4096}
  init:
    kind: task
    command: init.sh --now   now
    depends: [redis-1]
  nightly:
    kind: task
    command: x
    schedule: daily 02:30 UTC
    limits: {cpu: 5min}
  often:
    kind: task
    command: x
    schedule: every 6h
  gateway:
    kind: service
    command: nginx
    port: 80
    fallback_port: 8088
    depends: [init]
    ready: {http: /ready, timeout: 1s, failures_max: 5}
    live: {exec: [check, -q]}
    start_deadline: 1min
    stop_deadline: 20s
    stop_signal: QUIT
    restarts_max: 2
    restart_window: 1h
)",
                             {}, 5000);
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->mode(), Mode::kPaper);
  EXPECT_THAT(manifest->symbols(), ElementsAre("BTCUSDT", "ETHUSDT"));
  EXPECT_EQ(manifest->bind_address(), "127.0.0.1");
  ASSERT_EQ(manifest->units().size(), 5u);
  const Unit& redis = manifest->units()[0];
  EXPECT_EQ(redis.name, "redis-1");
  EXPECT_EQ(redis.kind, Unit::Kind::kServer);
  EXPECT_THAT(redis.command, ElementsAre("redis-server", "${ETC}/redis one.conf"));
  EXPECT_EQ(redis.environment.at("A"), "b");
  EXPECT_EQ(redis.user, "quantum");
  EXPECT_EQ(redis.ready.kind, Probe::Kind::kTcp);
  EXPECT_EQ(redis.ready.interval, 100ms);
  EXPECT_EQ(redis.live.kind, Probe::Kind::kRedis);
  EXPECT_EQ(redis.live.target, "ping");
  EXPECT_EQ(redis.live.user, "service");
  EXPECT_EQ(redis.live.secret, "redis-service");
  EXPECT_TRUE(redis.halts_entries);
  EXPECT_EQ(redis.limits.memory_bytes, uint64_t{2} << 30);
  EXPECT_EQ(redis.limits.open_files, 4096);
  EXPECT_FALSE(redis.schedule.set());
  const Schedule& nightly = manifest->FindUnit("nightly")->schedule;
  EXPECT_EQ(nightly.kind, Schedule::Kind::kDaily);
  EXPECT_EQ(nightly.time_of_day, 150min);
  EXPECT_EQ(manifest->FindUnit("nightly")->limits.cpu, 5min);
  EXPECT_EQ(manifest->FindUnit("often")->schedule.kind, Schedule::Kind::kEvery);
  EXPECT_EQ(manifest->FindUnit("often")->schedule.interval, 6h);
  EXPECT_EQ(manifest->FindUnit("init")->live.kind, Probe::Kind::kNone);
  EXPECT_EQ(redis.restart_delay, 5s);
  EXPECT_EQ(redis.restart_delay_max, 4s);
  EXPECT_EQ(redis.retry_interval, 60s);
  EXPECT_EQ(redis.line, 5);
  EXPECT_EQ(manifest->Port("redis-1"), 11379);
  EXPECT_THAT(manifest->FindUnit("init")->command, ElementsAre("init.sh", "--now", "now"));
  EXPECT_EQ(manifest->FindUnit("init")->kind, Unit::Kind::kTask);
  const Unit& gateway = *manifest->FindUnit("gateway");
  EXPECT_EQ(gateway.fallback_port, 8088);
  EXPECT_EQ(gateway.ready.target, "/ready");
  EXPECT_EQ(gateway.ready.failures_max, 5);
  EXPECT_EQ(gateway.live.target, "check");
  EXPECT_THAT(gateway.live.arguments, ElementsAre("-q"));
  EXPECT_EQ(gateway.start_deadline, 60s);
  EXPECT_EQ(gateway.stop_signal, SIGQUIT);
  EXPECT_EQ(gateway.restarts_max, 2);
  EXPECT_EQ(gateway.restart_window, 1h);
  EXPECT_EQ(manifest->FindUnit("none"), nullptr);
}

TEST_F(ManifestTest, TheManifestOfTheProjectIsValid) {
  for (const int offset : {0, 5000, 6000}) {
    const auto manifest = Manifest::Load(checkout::SourceDirectory() + "/quantum.yml", {}, offset);
    EXPECT_TRUE(manifest.ok()) << manifest.error().message;
  }
}

TEST_F(ManifestTest, ComplaintsNameTheLineByTable) {
  const struct {
    std::string text;
    std::string complaint;
  } cases[] = {
      {"mode: PAPER\n", "quantum.yml:1: version: expected 1: this program reads manifests of version 1"},
      {"version: 1\n", "quantum.yml:1: mode: is missing: PAPER, TESTNET or {name: LIVE, confirm: real-money}"},
      {"version: 1\nmode: paper\n", "quantum.yml:2: mode: expected one of PAPER, TESTNET, LIVE, found 'paper'"},
      {"version: 1\nmode: LIVE\n",
       "quantum.yml:2: mode: LIVE trades real money and asks for {name: LIVE, confirm: real-money}"},
      {"version: 1\nmode:\n  name: LIVE\n  confirm: yes\n",
       "quantum.yml:4: mode.confirm: LIVE trades real money and asks for confirm: real-money"},
      {kHead + "symbol: [X]\n",
       "quantum.yml:3: symbol: unknown key; known are backups, bind, limits, market, mode, servers, services, "
       "strategy, symbols, units, version"},
      {kHead + "symbols: [BTCUSDT, btc]\n",
       "quantum.yml:3: symbols: 'btc' is no symbol: 3 to 20 of A-Z and 0-9, such as BTCUSDT"},
      {kHead + "symbols: [BTCUSDT, BTCUSDT]\n", "quantum.yml:3: symbols: BTCUSDT stands there twice"},
      {kHead + "bind: localhost\n", "quantum.yml:3: bind: expected an IP address, found 'localhost'"},
      {kHead + "limits: 5\n", "quantum.yml:3: limits: expected a mapping"},
      {kHead + "gateway: {}\n",
       "quantum.yml:3: gateway: unknown key; known are backups, bind, limits, market, mode, servers, services, "
       "strategy, "
       "symbols, "
       "units, version"},
      {kHead + "limits:\n  cors_origin: []\n",
       "quantum.yml:4: limits.cors_origin: unknown key; known are allowed_hosts, cors_origins, masked_keys"},
      {kHead + "limits:\n  cors_origins: [desk.example]\n",
       "quantum.yml:4: limits.cors_origins: expected origins such as https://desk.example, found 'desk.example'"},
      {kHead + "limits:\n  cors_origins: [\"https://desk.example/\"]\n",
       "quantum.yml:4: limits.cors_origins: expected origins such as https://desk.example, found "
       "'https://desk.example/'"},
      {kHead + "limits:\n  allowed_hosts: [\"desk:80\"]\n",
       "quantum.yml:4: limits.allowed_hosts: expected hosts in lower case without port, such as desk.example, found "
       "'desk:80'"},
      {kHead + "limits:\n  masked_keys: pin\n", "quantum.yml:4: limits.masked_keys: expected a list of texts"},
      {kHead + "servers:\n  rediss: {}\n", "quantum.yml:4: servers.rediss: unknown key; known are postgres, redis"},
      {kHead + "servers:\n  postgres:\n    hosts: x\n",
       "quantum.yml:5: servers.postgres.hosts: unknown key; known are connections_max, database, host, port, "
       "standbys_required, "
       "statement_timeout, user"},
      {kHead + "market:\n  sped: 1\n",
       "quantum.yml:4: market.sped: unknown key; known are rate, seed, source, speed, warmup"},
      {kHead + "strategy:\n  name: [a]\n", "quantum.yml:4: strategy.name: expected one value, found a list or mapping"},
      {kHead + "services:\n  a: {x: 1}\nunits:\n  a: {command: x}\n",
       "quantum.yml:4: services.a: is no service: nobody would read these options"},
      {kHead + "units:\n  a: {command: x, kind: service}\n",
       "quantum.yml:1: symbols: expected at least one, such as [BTCUSDT]: without symbols nothing is traded"},
      {kHead + "symbols: []\nunits:\n  a: {command: x, kind: service}\n",
       "quantum.yml:3: symbols: expected at least one, such as [BTCUSDT]: without symbols nothing is traded"},
      {kHead + "mode: PAPER\n", "quantum.yml:3: mode: repeats the key of line 2"},
      {kHead + "units:\n  a: {command: x}\n  b: {command: x}\n  a: {command: y}\n",
       "quantum.yml:6: units.a: repeats the key of line 4"},
      {kHead + "units:\n  a:\n    kind: server\n",
       "quantum.yml:4: units.a.command: expected a program and its arguments"},
      {kHead + "units:\n  A b: {command: x}\n", "quantum.yml:4: units.A b: a unit's name is made of a-z, 0-9 and '-'"},
      {kHead + "units:\n  a:\n    command: x\n    prot: 1\n",
       "quantum.yml:6: units.a.prot: unknown key; known are command, depends, environment, fallback_port, "
       "halts_entries, "
       "kind, limits, live, pid_file, port, ports, ready, restart_delay, restart_delay_max, restart_window, "
       "restarts_max, retry_interval, "
       "schedule, "
       "start_deadline, stop_deadline, stop_signal, user"},
      {kHead + "units:\n  a:\n    command: x\n    kind: daemon\n",
       "quantum.yml:6: units.a.kind: expected one of server, service, task, found 'daemon'"},
      {kHead + "units:\n  a:\n    command: x\n    port: 70000\n",
       "quantum.yml:6: units.a.port: must be between 1 and 65535, is 70000"},
      {kHead + "units:\n  a:\n    command: x\n    start_deadline: 30\n",
       "quantum.yml:6: units.a.start_deadline: expected a duration such as 250ms, 30s, 15min or 24h, found '30'"},
      {kHead + "units:\n  a:\n    command: x\n    stop_signal: 9\n",
       "quantum.yml:6: units.a.stop_signal: expected one of TERM, INT, QUIT, found '9'"},
      {kHead + "units:\n  a:\n    command: x\n    ready: {tcp: true}\n",
       "quantum.yml:4: units.a: a probe of this kind needs the unit's port"},
      {kHead + "units:\n  a:\n    command: x\n    port: 1\n    ports: {rest: 2}\n    ready: {tcp: true, port: peer}\n",
       "quantum.yml:7: units.a.ports: has no port 'peer', which a probe asks"},
      {kHead + "units:\n  a:\n    command: x\n    ports: {the-rest: 2}\n",
       "quantum.yml:6: units.a.ports.the-rest: a port's name is made of a-z"},
      {kHead + "units:\n  a: {command: x, port: 7, ports: {rest: 7}}\n",
       "quantum.yml:4: units.a: port 7 stands there twice"},
      {kHead + "units:\n  a: {command: x, port: 7, ports: {rest: 8}}\n  b: {command: x, port: 8}\n",
       "quantum.yml:5: units.b: port 8 is the port of a already"},
      {kHead + "units:\n  a:\n    command: x\n    port: 1\n    ready: {tcp: true, http: /x}\n",
       "quantum.yml:7: units.a.ready: expected one of http, tcp, exec, redis and postgres"},
      {kHead + "units:\n  a:\n    command: x\n    port: 1\n    ready:\n      http: x\n",
       "quantum.yml:8: units.a.ready.http: expected a path that begins with '/'"},
      {kHead + "units:\n  a:\n    command: x\n    user: [x]\n",
       "quantum.yml:6: units.a.user: expected one value, found a list or mapping"},
      {kHead + "units:\n  a:\n    command: x\n    user:\n", "quantum.yml:6: units.a.user: has no value"},
      {kHead + "units:\n  a:\n    command: x\n    depends: [b]\n",
       "quantum.yml:4: units.a: depends on 'b', which is no unit"},
      {kHead + "units:\n  a: {command: x, depends: [b]}\n  b: {command: x, depends: [c]}\n  c: {command: x, depends: "
               "[b]}\n",
       "quantum.yml:4: units.a: the dependencies form a cycle: b -> c -> b"},
      {kHead + "schedules: {}\n",
       "quantum.yml:3: schedules: unknown key; known are backups, bind, limits, market, mode, servers, services, "
       "strategy, symbols, units, version"},
      {kHead + "units:\n  a:\n    command: x\n    kind: task\n    schedule: daily 25:00 UTC\n",
       "quantum.yml:7: units.a.schedule: expected 'daily 02:30 UTC' or 'every 6h' (1s to 30d), found 'daily 25:00 "
       "UTC'"},
      {kHead + "units:\n  a:\n    command: x\n    kind: task\n    schedule: every 6 hours\n",
       "quantum.yml:7: units.a.schedule: expected 'daily 02:30 UTC' or 'every 6h' (1s to 30d), found 'every 6 hours'"},
      {kHead + "units:\n  a:\n    command: x\n    schedule: every 6h\n",
       "quantum.yml:6: units.a.schedule: is for tasks: anything else runs all the time"},
      {kHead + "units:\n  a: {command: x, kind: task, schedule: every 6h}\n  b: {command: x, depends: [a]}\n",
       "quantum.yml:5: units.b: depends on 'a', which runs by its schedule alone"},
      {kHead + "units:\n  a:\n    command: x\n    limits:\n      memory: 5\n",
       "quantum.yml:7: units.a.limits.memory: must be between 16777216 and 4398046511104, is 5"},
      {kHead + "units:\n  a:\n    command: x\n    limits: {open_files: many}\n",
       "quantum.yml:6: units.a.limits.open_files: expected a whole number, found 'many'"},
      {kHead + "units:\n  a:\n    command: x\n    limits: {cpu: 5min}\n",
       "quantum.yml:6: units.a.limits.cpu: is for tasks: it counts since the start, and would end a server that has "
       "worked for long"},
      {kHead + "units:\n  a:\n    command: x\n    port: 1\n    live: {redis: pong}\n",
       "quantum.yml:7: units.a.live.redis: expected one of ping, any, found 'pong'"},
      {kHead + "units:\n  a: {command: x, port: 7}\n  b: {command: x, port: 7}\n",
       "quantum.yml:5: units.b: port 7 is the port of a already"},
      {kHead + "units:\n  a: {command: x}\nservices:\n  b: {}\n",
       "quantum.yml:6: services.b: there is no unit of this name"},
      {kHead + "units: [\n", "quantum.yml:4: end of sequence flow not found"},
      {"- a\n", "quantum.yml:1: the manifest is not a mapping"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Complaint(c.text), c.complaint);
  }
}

TEST_F(ManifestTest, AMissingFileIsNamed) {
  const auto manifest = Manifest::Load(directory_ + "/none.yml");
  ASSERT_FALSE(manifest.ok());
  EXPECT_THAT(manifest.error().message, HasSubstr("/none.yml: No such file"));
}

TEST_F(ManifestTest, LiveIsTakenOnlyWithItsConfirmation) {
  const auto manifest = Load("version: 1\nmode: {name: LIVE, confirm: real-money}\n");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->mode(), Mode::kLive);
  EXPECT_EQ(ToString(manifest->mode()), "LIVE");
}

TEST_F(ManifestTest, NamesTheKindOfMarket) {
  EXPECT_EQ(Load(kHead)->MarketSource(), "synthetic");
  EXPECT_EQ(Load(kHead + "market: {source: \"recording:a.gz,b.gz\"}\n")->MarketSource(), "recording");
  EXPECT_EQ(Load("version: 1\nmode: TESTNET\n")->MarketSource(), "binance");
}

TEST_F(ManifestTest, OverridesAreYamlAndReachAnyDepth) {
  const auto manifest = Load(
      kHead + "units:\n  a: {command: x, kind: service, port: 7}\n",
      {"mode=TESTNET", "units.a.port=8", "units.b.command=[p, q]", "symbols=[BTCUSDT]", "services.a.deep.er.rate=1.5"});
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->mode(), Mode::kTestnet);
  EXPECT_EQ(manifest->Port("a"), 8);
  EXPECT_THAT(manifest->FindUnit("b")->command, ElementsAre("p", "q"));
  EXPECT_THAT(manifest->symbols(), ElementsAre("BTCUSDT"));
  Section section = manifest->Service("a");
  EXPECT_EQ(section.GetSection("deep").GetSection("er").GetDouble("rate", 0, 0, 2), 1.5);
  EXPECT_TRUE(section.Finish().ok());
}

TEST_F(ManifestTest, AComplaintAboutAnOverrideNamesTheOverride) {
  const std::string text = kHead + "units:\n  a: {command: x, port: 7}\n";
  EXPECT_EQ(Complaint(text, {"units.a.port=x"}), "override units.a.port=x: expected a whole number, found 'x'");
  EXPECT_THAT(Complaint(text, {"unit.a.port=1"}), HasSubstr("override unit.a.port=1: unit: unknown key"));
  EXPECT_THAT(Complaint(text, {"units.a.colour=red"}), HasSubstr("override units.a.colour=red: unknown key"));
  EXPECT_EQ(Complaint(text, {"units.a={command: x, port: y}"}),
            "override units.a={command: x, port: y}: units.a.port: expected a whole number, found 'y'");
  EXPECT_EQ(Complaint(text, {"mode"}), "override mode: expected key.path=value");
  EXPECT_EQ(Complaint(text, {"mode.x=1"}), "override mode.x=1: what stands in front of 'x' is not a mapping");
  EXPECT_EQ(Complaint(text, {".x=1"}), "override .x=1: a key is empty");
  EXPECT_THAT(Complaint(text, {"mode=[1"}), HasSubstr("override mode=[1: end of sequence"));
}

TEST_F(ManifestTest, PortsStayInRangeAndOutOfTheEphemeralOnesWithAnOffset) {
  const auto complaint = [&](const std::string& unit, int offset) {
    const std::string text = kHead + "units:\n  a: {command: x, " + unit + "}\n";
    return Complaint(text, {}, offset);
  };
  const int first = EphemeralPorts().first;
  EXPECT_EQ(complaint("port: 65000", 0), "none");
  EXPECT_THAT(complaint("port: 65000", 1000), HasSubstr("with the offset 1000 is 66000: choose an offset"));
  EXPECT_THAT(complaint("port: 1000", first - 1000), HasSubstr("which the kernel gives to outgoing connections"));
  EXPECT_EQ(complaint("port: 1000", first - 1001), "none");
  EXPECT_THAT(complaint("port: 1, fallback_port: 1000", first - 1000), HasSubstr("which the kernel gives"));
  EXPECT_THAT(complaint("ports: {rest: 1000}", first - 1000), HasSubstr("which the kernel gives"));
  EXPECT_EQ(complaint("port: " + std::to_string(first), 0), "none");  // who writes it means it
}

TEST_F(ManifestTest, ASectionKeepsItsFirstComplaintAndComplainsOfWhatNobodyRead) {
  const auto manifest = Load(kHead + R"(services:
  ai:
    horizon: 15min
    rate: 3
    names: [a, b]
    nested: {x: 1, y: 2}
    list:
      - {at: 1}
      - {at: 2, on: 3}
)");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  Section all = manifest->Service("ai");
  EXPECT_EQ(all.line(), 4);
  EXPECT_EQ(all.GetDuration("horizon", 1s, 1s, 1h), 15min);
  EXPECT_EQ(all.GetInt("rate", 0, 0, 10), 3);
  EXPECT_THAT(all.GetStrings("names", {}), ElementsAre("a", "b"));
  EXPECT_EQ(all.GetStringMap("nested").at("y"), "2");
  EXPECT_EQ(all.GetBytes("absent", 7, 0, 9), 7u);
  EXPECT_FALSE(all.Has("absent"));
  std::vector<Section> list = all.GetSections("list");
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[1].GetInt("at", 0, 0, 9), 2);
  EXPECT_EQ(list[0].GetInt("at", 0, 0, 9), 1);
  EXPECT_THAT(all.Finish().error().message, HasSubstr(":11: services.ai.list.1.on: unknown key; known are at"));

  Section some = manifest->Service("ai");
  EXPECT_EQ(some.GetDuration("horizon", 1s, 1s, 1min), 1s);
  some.GetBool("rate", false);
  EXPECT_THAT(some.Finish().error().message,
              HasSubstr(":5: services.ai.horizon: must be between 1s and 1min, is 15min"));

  Section own = manifest->Service("ai");
  own.Complain("rate", "is too low for the horizon");
  EXPECT_THAT(own.Finish().error().message, HasSubstr(":6: services.ai.rate: is too low for the horizon"));

  Section absent = manifest->Service("none");
  EXPECT_EQ(absent.GetString("x", "fallback"), "fallback");
  EXPECT_TRUE(absent.Finish().ok());
  EXPECT_TRUE(manifest->Top("limits").Finish().ok());
}

TEST_F(ManifestTest, ServicesAndTheGatewayFollowBindAndServersStayOnTheLoopback) {
  const struct {
    std::string bind;
    std::string service;
  } cases[] = {{"127.0.0.1", "127.0.0.1"}, {"0.0.0.0", "127.0.0.1"}, {"10.1.2.3", "10.1.2.3"}, {"\"::\"", "::1"}};
  for (const auto& c : cases) {
    const auto manifest = Load(kHead + "symbols: [BTCUSDT]\nbind: " + c.bind +
                               "\nunits:\n  ai: {command: x, kind: service}\n  gateway: {command: x}\n"
                               "  redis-1: {command: x}\n");
    ASSERT_TRUE(manifest.ok()) << manifest.error().message;
    EXPECT_EQ(manifest->AddressOf("ai"), c.service);
    EXPECT_EQ(manifest->AddressOf("gateway"), c.service);
    EXPECT_EQ(manifest->AddressOf("redis-1"), "127.0.0.1");
  }
  EXPECT_EQ(InUrl("::1"), "[::1]");
  EXPECT_EQ(InUrl("10.1.2.3"), "10.1.2.3");
}

TEST_F(ManifestTest, AServiceFindsItsManifestInTheEnvironment) {
  unsetenv("QUANTUM_MANIFEST");
  EXPECT_THAT(Manifest::FromEnvironment().error().message, HasSubstr("QUANTUM_MANIFEST is not set"));
  std::ofstream(path_) << kHead << "units:\n  a: {command: x, port: 7}\n";
  setenv("QUANTUM_MANIFEST", path_.c_str(), 1);
  setenv("QUANTUM_OVERRIDES", "mode=TESTNET\nunits.a.port=9\n", 1);
  setenv("QUANTUM_PORT_OFFSET", "100", 1);
  setenv("QUANTUM_STATE_DIR", "/var/lib/x", 1);
  const auto manifest = Manifest::FromEnvironment();
  for (const char* name : {"QUANTUM_MANIFEST", "QUANTUM_OVERRIDES", "QUANTUM_PORT_OFFSET", "QUANTUM_STATE_DIR"}) {
    unsetenv(name);
  }
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->mode(), Mode::kTestnet);
  EXPECT_EQ(manifest->Port("a"), 109);
  EXPECT_EQ(manifest->state_directory(), "/var/lib/x");
  EXPECT_EQ(manifest->path(), path_);
}

}  // namespace
}  // namespace quantum::config
