#include "platform/bus/lease.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "platform/base/random.h"

namespace quantum::bus {
namespace {

using namespace std::chrono_literals;
using Change = Lease::Change;

constexpr Duration kLength = 3s;
constexpr Duration kRound = 500ms;

// The broker's record, as bus.lua keeps it.
struct Record {
  uint64_t token = 0;
  uint64_t beat = 0;
  std::string holder;
  std::string session;
};

Lease::Answer Tell(Record& record, const std::string& name, const std::string& session,
                   const Lease::Question& question) {
  const std::string how = question.how;
  const bool ours =
      how != "ask" && how != "take" && how != "claim" && record.session == session && record.token == question.token;
  const bool remembers = record.token >= question.token;
  if (how == "release") {
    if (ours) {
      record = {record.token, record.beat + 1, "", ""};
    }
    return {.ours = false, .token = record.token, .beat = record.beat, .holder = record.holder};
  }
  if (!ours) {
    const std::string seen = std::to_string(record.token) + "/" + std::to_string(record.beat);
    if (how == "hold" && !remembers) {
      record.token = question.token;
    } else if (how == "claim" ||
               (remembers && (record.session.empty() || (record.holder == name && record.session <= session))) ||
               (how == "take" && question.watched == seen)) {
      record.token = std::max(record.token, question.token) + 1;
    } else {
      return {.ours = false, .token = record.token, .beat = record.beat, .holder = record.holder};
    }
  }
  record = {record.token, record.beat + 1, name, session};
  return {.ours = true, .token = record.token, .beat = record.beat, .holder = name};
}

struct Process {
  Process(std::string its_name, std::string its_session, bool claims = false)
      : name(std::move(its_name)),
        session(std::move(its_session)),
        lease({.holder = name, .session = session, .length = kLength, .claims = claims}) {}
  std::string name;
  std::string session;
  Lease lease;
};

class LeaseTest : public ::testing::Test {
 protected:
  Change Round(Process& process, bool safe = true) {
    const auto question = process.lease.Ask(now_);
    auto answer = Tell(record_, process.name, process.session, question);
    answer.safe = safe;
    return process.lease.Take(question, answer, now_);
  }
  void Release(Process& process) { Tell(record_, process.name, process.session, *process.lease.Release(now_)); }

  Record record_;
  SteadyTime now_{1h};
  Process a_{"a", "1"};
  Process b_{"b", "2"};
};

TEST_F(LeaseTest, TheFirstWhoAsksReadsAndTheOtherStandsBy) {
  EXPECT_EQ(Round(a_), Change::kGained);
  EXPECT_EQ(Round(b_), Change::kNone);
  EXPECT_TRUE(a_.lease.Runs(now_));
  EXPECT_FALSE(b_.lease.Runs(now_));
  EXPECT_EQ(b_.lease.holder(), "a");
  for (int i = 0; i < 100; ++i) {
    now_ += kRound;
    EXPECT_EQ(Round(a_), Change::kNone);
    EXPECT_EQ(Round(b_), Change::kNone);
    EXPECT_TRUE(a_.lease.Runs(now_));
  }
}

TEST_F(LeaseTest, AStandbyTakesOverFromASilentHolderWhoseTimeHasPassedBefore) {
  Round(a_);
  Round(b_);
  const SteadyTime silent_since = now_;
  while (Round(b_) == Change::kNone) {
    ASSERT_LE(now_ - silent_since, kLength + kRound);
    now_ += kRound;
  }
  EXPECT_GE(now_ - silent_since, kLength);
  EXPECT_FALSE(a_.lease.Runs(now_));
  EXPECT_TRUE(b_.lease.Runs(now_));
  EXPECT_GT(b_.lease.token(), 1u);
  EXPECT_EQ(Round(a_), Change::kLost) << "it wakes";
  EXPECT_EQ(a_.lease.token(), 0u);
  now_ += kLength;
  EXPECT_FALSE(a_.lease.Runs(now_));
}

TEST_F(LeaseTest, AHolderThatWasFrozenGoesOnUnderItsTokenIfNobodyTookOver) {
  Round(a_);
  const uint64_t token = a_.lease.token();
  now_ += 10 * kLength;
  EXPECT_FALSE(a_.lease.Runs(now_)) << "until the broker has said so";
  EXPECT_EQ(Round(a_), Change::kNone);
  EXPECT_TRUE(a_.lease.Runs(now_));
  EXPECT_EQ(a_.lease.token(), token);
}

TEST_F(LeaseTest, WhoStopsLetsTheNextOneGoOnAtOnce) {
  Round(a_);
  Round(b_);
  Release(a_);
  EXPECT_FALSE(a_.lease.Runs(now_));
  EXPECT_EQ(Round(b_), Change::kGained);
}

TEST_F(LeaseTest, ALaterLifeTakesOverAtOnceAndTheEarlierDoesNotTakeItBack) {
  Process again("a", "3");
  Round(a_);
  EXPECT_EQ(Round(again), Change::kGained);
  EXPECT_EQ(Round(a_), Change::kLost);
  EXPECT_EQ(Round(a_), Change::kNone);
  EXPECT_EQ(Round(again), Change::kNone);
}

TEST_F(LeaseTest, WhoAloneWorksClaimsItAtOnceAndOnlyOnce) {
  constexpr bool kClaims = true;
  Process third("c", "0", kClaims);
  Round(a_);
  Round(b_);
  EXPECT_EQ(Round(third), Change::kGained) << "though a holds it, and began later";
  EXPECT_EQ(Round(a_), Change::kLost);
  EXPECT_EQ(Round(b_), Change::kNone);
  EXPECT_EQ(Round(third), Change::kNone);
  EXPECT_TRUE(third.lease.Runs(now_));
  Process later("d", "4", kClaims);
  EXPECT_EQ(Round(later), Change::kGained);
  EXPECT_EQ(Round(third), Change::kLost);
  EXPECT_EQ(Round(third), Change::kNone) << "it does not claim again";
}

TEST_F(LeaseTest, WhileTheBrokerIsAwayNobodyCountsSilence) {
  Round(a_);
  Round(b_);
  now_ += 10 * kLength;
  EXPECT_EQ(Round(b_), Change::kNone) << "the holder could not renew either";
  EXPECT_EQ(Round(a_), Change::kNone);
  EXPECT_TRUE(a_.lease.Runs(now_));
}

TEST_F(LeaseTest, WhatNoReplicaHasHeardDoesNotCount) {
  EXPECT_EQ(Round(a_, false), Change::kGained);
  EXPECT_FALSE(a_.lease.Runs(now_));
  EXPECT_EQ(Round(a_), Change::kNone);
  EXPECT_TRUE(a_.lease.Runs(now_));
  now_ += kLength / 2;
  Round(a_, false);
  now_ += kLength / 2;
  EXPECT_FALSE(a_.lease.Runs(now_));
}

TEST_F(LeaseTest, APromotedMasterThatForgotTheHolderIsToldByItAndBelievesNobodyElseAtOnce) {
  Process c("c", "0");
  Round(c);
  const Record before = record_;
  Release(c);
  Round(a_);
  Round(b_);
  for (const Record& promoted : {Record(), before, Record{before.token, before.beat + 1, "", ""}}) {
    record_ = promoted;
    now_ += kRound;
    EXPECT_EQ(Round(b_), Change::kNone) << "it knows of a later holder";
    EXPECT_EQ(Round(a_), Change::kNone);
    EXPECT_TRUE(a_.lease.Runs(now_));
    EXPECT_EQ(record_.holder, "a");
    Round(b_);
  }
  record_ = before;
  const SteadyTime promoted_at = now_;
  while (Round(b_) == Change::kNone) {
    ASSERT_LE(now_ - promoted_at, kLength + kRound);
    now_ += kRound;
  }
  EXPECT_FALSE(a_.lease.Runs(now_));
  EXPECT_EQ(Round(a_), Change::kLost);
}

TEST_F(LeaseTest, ARefusalByTheBrokerEndsTheTenureItWasAbout) {
  Round(a_);
  EXPECT_EQ(a_.lease.Refused(a_.lease.token() + 1), Change::kNone);
  const uint64_t token = a_.lease.token();
  EXPECT_EQ(a_.lease.Refused(token), Change::kLost);
  EXPECT_FALSE(a_.lease.Runs(now_));
  EXPECT_EQ(Round(a_), Change::kGained) << "the record is its own again";
  EXPECT_GT(a_.lease.token(), token) << "a tenure never goes on: what was in hand is forgotten";
}

// Processes that freeze at any moment, also between a question and its answer, and answers that take their time: at no
// moment may two hand out events, and the stream is not left alone for long.
TEST(LeaseLives, NeverRunInTwoProcessesAtOnce) {
  const uint64_t seed = SystemRandom().Next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  struct Actor {
    std::unique_ptr<Process> process;
    std::optional<Lease::Question> question;  // on its way
    std::optional<Lease::Answer> answer;
    SteadyTime next{};  // when it goes on
  };
  constexpr Duration kStep = 10ms;
  Record record;
  SteadyTime now{1h};
  std::vector<Actor> actors(3);
  for (size_t i = 0; i < actors.size(); ++i) {
    actors[i].process = std::make_unique<Process>(std::string(1, static_cast<char>('a' + i)), std::to_string(i + 1));
  }
  SteadyTime last_run = now;
  Duration longest{};
  size_t tenures = 0;
  for (int step = 0; step < 1'000'000; ++step, now += kStep) {
    for (Actor& actor : actors) {
      if (now < actor.next) {
        continue;
      }
      Process& process = *actor.process;
      if (!actor.question) {
        actor.question = process.lease.Ask(now);
        actor.next = now + random.Below(20) * kStep;
      } else if (!actor.answer) {
        actor.answer = Tell(record, process.name, process.session, *actor.question);
        actor.next = now + random.Below(20) * kStep;
      } else {
        tenures += process.lease.Take(*actor.question, *actor.answer, now) == Change::kGained ? 1 : 0;
        actor.question.reset();
        actor.answer.reset();
        actor.next = now + kRound;
      }
      if (random.Below(200) == 0) {
        actor.next = now + std::chrono::milliseconds(random.Below(10'000));  // frozen
      }
    }
    size_t running = 0;
    for (const Actor& actor : actors) {
      running += actor.process->lease.Runs(now) ? 1 : 0;
    }
    ASSERT_LE(running, 1u) << "at step " << step;
    if (running == 1) {
      last_run = now;
    }
    longest = std::max(longest, now - last_run);
  }
  EXPECT_GT(tenures, 20u);
  EXPECT_LT(longest, 60s);
}

}  // namespace
}  // namespace quantum::bus
