#include "operator/postgres/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantum::operate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// As Patroni 3.0.2 answers.
constexpr const char* kPrimary =
    R"({"state": "running", "role": "master", "server_version": 150014, "xlog": {"location": 50339816}, "timeline": 3,
        "replication": [{"usename": "quantum_replication", "application_name": "postgres-2", "client_addr": "127.0.0.1",
                         "state": "streaming", "sync_state": "sync", "sync_priority": 1}], "dcs_last_seen": 1795918699})";
constexpr const char* kStandby =
    R"({"state": "running", "role": "replica", "xlog": {"received_location": 50339716, "replayed_location": 50339716,
        "replayed_timestamp": null, "paused": false}, "timeline": 3})";

ClusterReport Read(const std::string& first, const std::string& second) {
  std::vector<std::string> synchronous;
  std::vector<NodeReport> nodes;
  for (const auto& [name, body] : {std::pair("postgres-1", first), std::pair("postgres-2", second)}) {
    const auto report = ReadNodeReport(name, body, synchronous);
    nodes.push_back(report.ok() ? *report : NodeReport{.name = name, .trouble = report.error().message});
  }
  return Judge(std::move(nodes), synchronous);
}

TEST(PostgresReport, OfAHealthyClusterKnowsRolesTimelineAndLag) {
  const ClusterReport report = Read(kPrimary, kStandby);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.primary, 0u);
  EXPECT_EQ(report.synchronous, 1u);
  EXPECT_EQ(report.nodes[1].lag_bytes, 100);
  EXPECT_EQ(report.nodes[1].timeline, 3);
  EXPECT_FALSE(report.nodes[0].lag_bytes);
}

TEST(PostgresReport, SaysWhatIsNotAsItShouldBe) {
  EXPECT_THAT(Read(kPrimary, "").problems, ElementsAre(HasSubstr("postgres-2 does not answer")));
  EXPECT_THAT(Read(kPrimary, R"({"state": "creating replica", "role": "uninitialized"})").problems,
              ElementsAre("postgres-2 does not serve: Postgres is 'creating replica'"));
  const std::string alone = R"({"state": "running", "role": "master", "timeline": 3})";
  EXPECT_THAT(Read(alone, kStandby).problems, ElementsAre(HasSubstr("no synchronous standby")));
  EXPECT_THAT(Read(kStandby, kStandby).problems, ElementsAre(HasSubstr("no node is the primary")));
  const ClusterReport two = Read(kPrimary, kPrimary);
  EXPECT_THAT(two.problems, ElementsAre(HasSubstr("two nodes call themselves the primary")));
  EXPECT_FALSE(two.primary);
}

}  // namespace
}  // namespace quantum::operate
