#include "platform/redis/discovery.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace quantum::redis {
namespace {

using Kind = Discovery::Verdict::Kind;

Reply Text(std::string text) { return {.type = Reply::Type::kString, .text = std::move(text)}; }
Reply Address(int port) {
  return {.type = Reply::Type::kArray, .elements = {Text("127.0.0.1"), Text(std::to_string(port))}};
}
Endpoint At(int port) { return {"127.0.0.1", port}; }

TEST(Discovery, BelievesAMajorityOfTheConfiguredSentinelsAndNoFewer) {
  Discovery discovery(3);
  discovery.OnAnswer(0, Address(1));
  EXPECT_EQ(discovery.Decide({}).kind, Kind::kUndecided);
  discovery.OnAnswer(2, Address(1));
  EXPECT_EQ(discovery.Decide({}).kind, Kind::kMaster) << "the third cannot change it";
  EXPECT_EQ(discovery.Decide({}).master, At(1));
}

TEST(Discovery, NamesNobodyWhileTheSentinelsDisagree) {
  Discovery discovery(3);
  discovery.OnAnswer(0, Address(1));
  discovery.OnAnswer(1, Address(2));
  discovery.OnSilence(2, {Errc::kUnavailable, "connection refused"});
  const auto verdict = discovery.Decide(At(1));
  EXPECT_EQ(verdict.kind, Kind::kNone)
      << "two of three answer, so a failover is possible: the last master is no answer";
  EXPECT_NE(verdict.reason.find("connection refused"), std::string::npos);
}

TEST(Discovery, FallsBackToTheLastMasterOnlyWithoutAMajorityOfSentinels) {
  Discovery discovery(3);
  discovery.OnSilence(0, {Errc::kUnavailable, "away"});
  discovery.OnSilence(1, {Errc::kUnavailable, "away"});
  discovery.OnAnswer(2, Address(2));
  EXPECT_EQ(discovery.Decide({}).kind, Kind::kNone);
  const auto verdict = discovery.Decide(At(1));
  EXPECT_EQ(verdict.kind, Kind::kLast);
  EXPECT_FALSE(VerifyRole(verdict, {.master = true, .replicas = 0}).ok()) << "it may be deposed and not know it";
  EXPECT_TRUE(VerifyRole(verdict, {.master = true, .replicas = 1}).ok());
}

TEST(Discovery, ASentinelWithAWrongPasswordCountsAsSilent) {
  Discovery discovery(1);
  discovery.OnAnswer(0, {.type = Reply::Type::kError, .text = "NOAUTH Authentication required."});
  EXPECT_EQ(discovery.Decide({}).kind, Kind::kNone);
  EXPECT_EQ(discovery.reached(), 0);
}

TEST(Discovery, SentinelsThatRefuseThePasswordAreToldFromSentinelsThatAreAway) {
  const Error refused = ToError("AUTH", "WRONGPASS invalid username-password pair or user is disabled.");
  Discovery shut_out(3);
  shut_out.OnSilence(0, refused);
  shut_out.OnSilence(1, {Errc::kUnavailable, "away"});
  shut_out.OnAnswer(2, {.type = Reply::Type::kError, .text = "NOPERM this user has no permissions"});
  const auto verdict = shut_out.Decide(At(1));
  EXPECT_EQ(verdict.kind, Kind::kNone) << "they are alive and may have elected another: the last master is no answer";
  EXPECT_EQ(verdict.code, Errc::kPermission);
  EXPECT_NE(verdict.reason.find("WRONGPASS"), std::string::npos);

  Discovery away(3);
  away.OnSilence(0, refused);
  away.OnSilence(1, {Errc::kUnavailable, "away"});
  away.OnSilence(2, {Errc::kUnavailable, "away"});
  EXPECT_EQ(away.Decide({}).code, Errc::kUnavailable) << "the right password would not have helped";
}

TEST(Discovery, RefusesANodeThatSaysItIsAReplica) {
  const Reply role{.type = Reply::Type::kArray, .elements = {Text("slave"), Text("127.0.0.1")}};
  EXPECT_FALSE(VerifyRole({Kind::kMaster, At(1), {}}, *ParseRole(role)).ok());
}

TEST(Discovery, TellsHowFarEachReplicaIsBehindAndHowManySentinelsAgree) {
  const auto replica = [](const char* port, const char* offset) {
    return Reply{.type = Reply::Type::kArray, .elements = {Text("127.0.0.1"), Text(port), Text(offset)}};
  };
  const Reply reply{.type = Reply::Type::kArray,
                    .elements = {Text("master"),
                                 {.type = Reply::Type::kInteger, .integer = 5000},
                                 {.type = Reply::Type::kArray,
                                  .elements = {replica("6380", "4700"), replica("6381", "5000"), replica("", "1")}}}};
  const auto role = ParseRole(reply);
  ASSERT_TRUE(role.ok());
  EXPECT_EQ(role->replicas, 3u);
  ASSERT_EQ(role->attached.size(), 2u) << "one that has no port yet cannot be named";
  EXPECT_EQ(role->attached[0].endpoint, (Endpoint{"127.0.0.1", 6380}));
  EXPECT_EQ(role->attached[0].behind_bytes, 300);
  EXPECT_EQ(role->attached[1].behind_bytes, 0);

  Discovery discovery(3);
  discovery.OnAnswer(0, Address(1));
  discovery.OnAnswer(1, Address(2));
  discovery.OnAnswer(2, Address(1));
  EXPECT_EQ(discovery.naming(At(1)), 2);
}

TEST(Discovery, OffsetsThatMakeNoSenseAreNobodysLag) {
  const Reply replica{.type = Reply::Type::kArray,
                      .elements = {Text("127.0.0.1"), Text("6380"), Text("-9223372036854775808")}};
  for (const int64_t written : {INT64_MIN, INT64_MAX}) {
    const Reply reply{.type = Reply::Type::kArray,
                      .elements = {Text("master"),
                                   {.type = Reply::Type::kInteger, .integer = written},
                                   {.type = Reply::Type::kArray, .elements = {replica}}}};
    const auto role = ParseRole(reply);
    ASSERT_TRUE(role.ok());
    EXPECT_EQ(role->attached.at(0).behind_bytes, std::max<int64_t>(0, written));
  }
}

TEST(Discovery, TellsAnswersOfUnusableNodesFromErrorsOfCommands) {
  EXPECT_TRUE(RefusesAsNode("READONLY You can't write against a read only replica."));
  EXPECT_TRUE(RefusesAsNode("LOADING Redis is loading the dataset in memory"));
  EXPECT_TRUE(RefusesAsNode("MASTERDOWN Link with MASTER is down"));
  EXPECT_FALSE(RefusesAsNode("WRONGTYPE Operation against a key"));
  EXPECT_EQ(ToError("XADD", "NOREPLICAS Not enough good replicas to write.").code, Errc::kUnavailable);
  EXPECT_EQ(ToError("XADD", "NOPERM no").code, Errc::kPermission);
  EXPECT_EQ(ToError("XGROUP", "BUSYGROUP exists").code, Errc::kInternal);
}

TEST(Discovery, ReadsTheMastersNameInASwitchMessage) {
  const Reply push{.type = Reply::Type::kArray,
                   .elements = {Text("message"), Text("+switch-master"), Text("mymaster 127.0.0.1 1 127.0.0.1 2")}};
  EXPECT_EQ(SwitchedMaster(push), "mymaster");
  EXPECT_EQ(SwitchedMaster(Text("PONG")), "");
}

Reply Selected(std::string text) {
  return {.type = Reply::Type::kArray, .elements = {Text("message"), Text("+selected-slave"), Text(std::move(text))}};
}

TEST(Discovery, ReadsWhomALeaderOfTheSentinelsHasChosenAndWhomItDeposes) {
  const auto election = ElectionOf(Selected("slave 127.0.0.1:3 127.0.0.1 3 @ mymaster 127.0.0.1 1"));
  ASSERT_TRUE(election);
  EXPECT_EQ(election->master_name, "mymaster");
  EXPECT_EQ(election->chosen, At(3));
  EXPECT_EQ(election->deposed, At(1));
  for (const char* text :
       {"", "slave", "slave x 127.0.0.1 0 @ mymaster 127.0.0.1 1", "slave x 127.0.0.1 3 @ mymaster 127.0.0.1 one",
        "master x 127.0.0.1 3 @ m 127.0.0.1 1", "slave x 127.0.0.1 3 @ m 127.0.0.1 1 more"}) {
    EXPECT_FALSE(ElectionOf(Selected(text))) << text;
  }
  EXPECT_FALSE(ElectionOf(Text("PONG")));
}

TEST(Discovery, TheChosenNodeServesOnceItIsMasterAndAReplicaFollows) {
  const Discovery::Verdict chosen{Kind::kElected, At(3), {}};
  EXPECT_FALSE(VerifyRole(chosen, {.master = false}).ok());
  EXPECT_FALSE(VerifyRole(chosen, {.master = true, .replicas = 0}).ok()) << "the deposed may have one";
  EXPECT_TRUE(VerifyRole(chosen, {.master = true, .replicas = 1}).ok());
}

}  // namespace
}  // namespace quantum::redis
