#include "services/monitoring_health/unit_report.h"

#include <gmock/gmock.h>

#include <ostream>

#include <boost/json.hpp>

namespace quantum::monitoring_health {
namespace {

using testing::HasSubstr;

std::string Report(const std::string& status, const std::string& rest = "") {
  return R"({"service": "execution-service", "status": ")" + status + "\"" + rest + "}";
}

TEST(ServiceAnswer, IsTakenAsTheServiceReportsItself) {
  EXPECT_EQ(JudgeServiceAnswer("execution", 200, Report("OK")).status, HealthStatus::kOk);
  EXPECT_EQ(JudgeServiceAnswer("execution-standby", 200, Report("OK")).status, HealthStatus::kOk) << "a second process";
  EXPECT_EQ(JudgeServiceAnswer("execution", 200, Report("DEGRADED")).status, HealthStatus::kDegraded);
  EXPECT_EQ(JudgeServiceAnswer("execution", 503, Report("DOWN")).status, HealthStatus::kDown);
}

TEST(ServiceAnswer, GivesTheReasonsOfAServiceThatIsNotWell) {
  const Verdict verdict = JudgeServiceAnswer(
      "execution", 503, Report("DOWN", R"(, "dependencies": {"redis": {"status": "OK", "error": null},
                                           "postgres": {"status": "DOWN", "error": "connection refused"}},
                         "metrics": {"degraded": {"account": "not known"}})"));
  EXPECT_EQ(verdict.error, "postgres is DOWN: connection refused; account: not known");
  EXPECT_EQ(verdict.dependencies.at("postgres"), HealthStatus::kDown);
}

struct Malformed {
  const char* name;
  int status;
  const char* body;
  const char* complaint;
};
void PrintTo(const Malformed& one, std::ostream* out) { *out << one.name; }

class MalformedAnswer : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedAnswer, IsDownAndSaysWhatIsWrong) {
  const Verdict verdict = JudgeServiceAnswer("execution", GetParam().status, GetParam().body);
  EXPECT_EQ(verdict.status, HealthStatus::kDown);
  EXPECT_THAT(verdict.error, HasSubstr(GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    Bodies, MalformedAnswer,
    testing::Values(
        Malformed{"Empty", 200, "", "no health report"}, Malformed{"Html", 200, "<html>hi</html>", "'<html>hi</html>'"},
        Malformed{"Binary", 200, "\x01\xff\x02", "'...'"},
        Malformed{"Cut", 200, R"({"service": "execu)", "no health report"},
        Malformed{"Array", 200, "[]", "no health report"},
        Malformed{"Nameless", 200, R"({"status": "OK"})", "does not name"},
        Malformed{"Stranger", 200, R"({"service": "ai-engine-service", "status": "OK"})",
                  "answered by 'ai-engine-service'"},
        Malformed{"NoStatus", 200, R"({"service": "execution-service"})", "no status"},
        Malformed{"OddStatus", 200, R"({"service": "execution-service", "status": "FINE"})", "no status"},
        Malformed{"NumericStatus", 200, R"({"service": "execution-service", "status": 1})", "no status"},
        Malformed{"OddDependencies", 200, R"({"service": "execution-service", "status": "OK", "dependencies": 3})",
                  "are no object"},
        Malformed{"OddDependency", 200, R"({"service": "execution", "status": "OK", "dependencies": {"redis": "up"}})",
                  "dependency 'redis'"},
        Malformed{"NotFound", 404, R"({"service": "execution-service", "status": "OK"})", "HTTP status 404"},
        Malformed{"Broken", 500, "", "HTTP status 500"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(ServiceAnswer, GivesATextAmongItsMetrics) {
  const Verdict verdict =
      JudgeServiceAnswer("execution", 200, Report("OK", R"(, "metrics": {"ess": "ARMED", "n": 1})"));
  EXPECT_EQ(MetricOf(verdict, "ess"), "ARMED");
  EXPECT_EQ(MetricOf(verdict, "n"), std::nullopt);
  EXPECT_EQ(MetricOf(Verdict{}, "ess"), std::nullopt);
}

std::vector<UnitReport> Units(const std::map<std::string, HealthStatus>& statuses) {
  std::vector<UnitReport> units;
  for (const auto& [name, status] : statuses) {
    units.push_back({.name = name, .kind = "server", .status = status});
  }
  return units;
}

constexpr HealthStatus kOk = HealthStatus::kOk;
constexpr HealthStatus kDegraded = HealthStatus::kDegraded;
constexpr HealthStatus kDown = HealthStatus::kDown;
const std::vector<std::string> kEssential = {"execution"};

TEST(SystemStatus, IsOkOnlyWhenEverythingIs) {
  EXPECT_EQ(Aggregate(Units({{"execution", kOk}, {"prometheus", kOk}}), kEssential), kOk);
  EXPECT_EQ(Aggregate(Units({{"execution", kDegraded}, {"prometheus", kOk}}), kEssential), kDegraded);
}

TEST(SystemStatus, IsDownWhenAnEssentialUnitIs) {
  EXPECT_EQ(Aggregate(Units({{"execution", kDown}, {"prometheus", kOk}}), kEssential), kDown);
  EXPECT_EQ(Aggregate(Units({{"execution", kOk}, {"prometheus", kDown}}), kEssential), kDegraded);
}

TEST(SystemStatus, SurvivesTheMinorityOfAGroupOfEquals) {
  EXPECT_EQ(Aggregate(Units({{"redis-1", kOk}, {"redis-2", kOk}, {"redis-3", kDown}}), {}), kDegraded);
  EXPECT_EQ(Aggregate(Units({{"redis-1", kOk}, {"redis-2", kDown}, {"redis-3", kDown}}), {}), kDown);
  EXPECT_EQ(Aggregate(Units({{"redis-1", kOk}, {"redis-2", kDegraded}, {"redis-3", kDegraded}}), {}), kDegraded);
  EXPECT_EQ(Aggregate(Units({{"postgres-1", kDown}, {"postgres-2", kOk}}), {}), kDegraded);
  EXPECT_EQ(Aggregate(Units({{"postgres-1", kDown}, {"postgres-2", kDown}}), {}), kDown);
}

TEST(SystemStatus, GroupsUnitsByTheirTrailingNumber) {
  EXPECT_EQ(GroupOf("redis-12"), "redis");
  EXPECT_EQ(GroupOf("ai-engine"), "ai-engine");
  EXPECT_EQ(GroupOf("h2o"), "h2o");
  EXPECT_EQ(GroupOf("pg15"), "pg15");
  EXPECT_EQ(GroupOf("7"), "7");
}

TEST(SystemStatus, DegradesADatabaseThatAServiceCannotUse) {
  auto units = Units({{"pgbouncer", kOk}, {"redis-1", kOk}});
  ApplyComplaints(units, {{"risk-safety", Verdict{kDown, {}, {}, {{"postgres", kDown}}}}}, "postgres", "pgbouncer");
  EXPECT_EQ(units[0].status, kDegraded);
  EXPECT_THAT(units[0].error, HasSubstr("risk-safety"));
  EXPECT_EQ(units[1].status, kOk);

  auto well = Units({{"pgbouncer", kOk}});
  ApplyComplaints(well, {{"risk-safety", Verdict{kDown, {}, {}, {{"postgres", kDegraded}}}}}, "postgres", "pgbouncer");
  EXPECT_EQ(well[0].status, kOk);
}

TEST(PatroniAnswer, OfAPrimaryThatIsAloneIsDegraded) {
  const auto of_primary = [](const std::string& replication) {
    return JudgePatroniAnswer(R"({"state": "running", "role": "master", "timeline": 3)" + replication + "}");
  };
  const Verdict well = of_primary(R"(, "replication": [{"state": "streaming", "sync_state": "sync"}])");
  EXPECT_EQ(well.status, kOk);
  EXPECT_EQ(well.details, R"({"state":"running","role":"primary","timeline":3,"synchronous":true})");
  for (const char* alone : {"", R"(, "replication": [])", R"(, "replication": [{"sync_state": "async"}])"}) {
    EXPECT_EQ(of_primary(alone).status, kDegraded) << alone;
    EXPECT_THAT(of_primary(alone).error, HasSubstr("without a synchronous standby")) << alone;
  }
}

TEST(PatroniAnswer, OfANodeThatDoesNotServeSaysWhatItDoes) {
  EXPECT_EQ(JudgePatroniAnswer(R"({"state": "running", "role": "replica"})").status, kOk);
  const Verdict copying = JudgePatroniAnswer(R"({"state": "creating replica", "role": "uninitialized"})");
  EXPECT_EQ(copying.status, kDegraded);
  EXPECT_THAT(copying.error, HasSubstr("creating replica"));
  for (const char* wrong : {"", "[]", "{}", "<html>"}) {
    EXPECT_EQ(JudgePatroniAnswer(wrong).status, kDown) << wrong;
  }
}

TEST(SystemReport, IsWrittenAsTheContractSays) {
  const SystemReport report{.status = kDegraded,
                            .checked_at = WallTime(std::chrono::seconds(1'700'000'000)),
                            .mode = "PAPER",
                            .market = R"({"source": "synthetic"})",
                            .units = {{.name = "execution",
                                       .kind = "service",
                                       .status = kDegraded,
                                       .latency = std::chrono::microseconds(1500),
                                       .error = "slow",
                                       .details = R"({"version": "1"})"},
                                      {.name = "redis-1", .kind = "server", .status = kOk, .details = "garbage"}}};
  EXPECT_EQ(boost::json::parse(ToJson(report)), boost::json::parse(R"({
    "status": "DEGRADED", "checked_at": "2023-11-14T22:13:20.000Z", "mode": "PAPER",
    "market": {"source": "synthetic"},
    "units": [{"name": "execution", "kind": "service", "status": "DEGRADED", "latency_ms": 1.5E0, "error": "slow",
               "details": {"version": "1"}},
              {"name": "redis-1", "kind": "server", "status": "OK", "latency_ms": 0E0, "error": null,
               "details": {}}]})"));
  EXPECT_EQ(boost::json::parse(SnapshotPayload(report)).at("not_ok"),
            boost::json::parse(R"({"execution": "DEGRADED"})"));
}

}  // namespace
}  // namespace quantum::monitoring_health
