#include "platform/bus/key_scheduler.h"

#include <gmock/gmock.h>

#include <array>
#include <vector>

#include "platform/base/random.h"

namespace quantum::bus {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using Step = KeyScheduler::Step;

Delivery Of(std::string key, uint64_t number, std::string family = "s") {
  Delivery delivery{.family = std::move(family), .entry = std::to_string(number)};
  delivery.event.key = std::move(key);
  delivery.event.sequence = number;
  return delivery;
}

// One that may be handled together with its neighbours.
Delivery Joining(std::string key, uint64_t number, uint64_t token = 1, Together joins = Together::kOfKey) {
  Delivery delivery = Of(std::move(key), number);
  delivery.token = token;
  delivery.joins = joins;
  return delivery;
}

std::vector<uint64_t> Numbers(const KeyScheduler::Job& job) {
  std::vector<uint64_t> numbers;
  for (const Delivery* delivery : job.deliveries) {
    numbers.push_back(delivery->event.sequence);
  }
  return numbers;
}

constexpr SteadyTime kStart{1h};

TEST(KeyScheduler, RunsOneOfEachKeyAtATimeAndDifferentKeysAtOnce) {
  KeyScheduler scheduler(10);
  scheduler.Push(Of("A", 1));
  scheduler.Push(Of("A", 2));
  scheduler.Push(Of("B", 3));
  const auto a = scheduler.Next(kStart);
  const auto b = scheduler.Next(kStart);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->deliveries.front()->event.sequence, 1u);
  EXPECT_EQ(b->deliveries.front()->event.sequence, 3u);
  EXPECT_FALSE(scheduler.Next(kStart)) << "A2 waits for A1";
  EXPECT_EQ(scheduler.Judge(a->line, Verdict::kDone, kStart), Step::kAcknowledge);
  EXPECT_FALSE(scheduler.Next(kStart)) << "A1 is not acknowledged yet";
  scheduler.Finish(a->line);
  EXPECT_EQ(scheduler.Next(kStart)->deliveries.front()->event.sequence, 2u);
}

TEST(KeyScheduler, TheSameKeyInTwoStreamsIsTwoKeys) {
  KeyScheduler scheduler(10);
  scheduler.Push(Of("A", 1, "order"));
  scheduler.Push(Of("A", 2, "risk"));
  EXPECT_TRUE(scheduler.Next(kStart));
  EXPECT_TRUE(scheduler.Next(kStart));
}

TEST(KeyScheduler, NeverRunsMoreThanItsBound) {
  KeyScheduler scheduler(2);
  for (uint64_t i = 0; i < 5; ++i) {
    scheduler.Push(Of("K" + std::to_string(i), i));
  }
  const auto first = scheduler.Next(kStart);
  EXPECT_TRUE(scheduler.Next(kStart));
  EXPECT_FALSE(scheduler.Next(kStart));
  scheduler.Judge(first->line, Verdict::kDone, kStart);
  scheduler.Finish(first->line);
  EXPECT_TRUE(scheduler.Next(kStart));
}

TEST(KeyScheduler, TriesFiveTimesWithinFiveSecondsAndHoldsBackItsOwnKeyOnly) {
  KeyScheduler scheduler(10);
  scheduler.Push(Of("BAD", 1));
  scheduler.Push(Of("BAD", 2));
  SteadyTime now = kStart;
  for (int attempt = 1; attempt < 5; ++attempt) {
    const auto job = scheduler.Next(now);
    ASSERT_TRUE(job) << attempt;
    EXPECT_EQ(job->attempt, attempt);
    EXPECT_EQ(job->deliveries.front()->event.sequence, 1u);
    ASSERT_EQ(scheduler.Judge(job->line, Verdict::kFailed, now), Step::kRetryLater);
    EXPECT_FALSE(scheduler.Next(now)) << "it waits, and its key with it";
    scheduler.Push(Of("GOOD", 100));
    const auto good = scheduler.Next(now);
    ASSERT_TRUE(good);
    EXPECT_EQ(good->deliveries.front()->event.key, "GOOD");
    scheduler.Judge(good->line, Verdict::kDone, now);
    scheduler.Finish(good->line);
    ASSERT_TRUE(scheduler.next_due());
    EXPECT_GT(*scheduler.next_due(), now);
    now = *scheduler.next_due();
  }
  const auto last = scheduler.Next(now);
  EXPECT_EQ(scheduler.Judge(last->line, Verdict::kFailed, now), Step::kDeadLetter);
  EXPECT_LT(now - kStart, 5s);
  scheduler.Finish(last->line);
  const auto next = scheduler.Next(now);
  EXPECT_EQ(next->deliveries.front()->event.sequence, 2u);
  EXPECT_EQ(next->attempt, 1) << "the next event starts with a clean record";
}

TEST(KeyScheduler, APoisonedEventIsDeadAtOnce) {
  KeyScheduler scheduler(1);
  scheduler.Push(Of("A", 1));
  EXPECT_EQ(scheduler.Judge(scheduler.Next(kStart)->line, Verdict::kPoisoned, kStart), Step::kDeadLetter);
}

TEST(KeyScheduler, AnAbsentDatabaseKillsNoEvent) {
  KeyScheduler scheduler(1);
  scheduler.Push(Of("A", 1));
  SteadyTime now = kStart;
  for (int i = 0; i < 100; ++i) {
    const auto job = scheduler.Next(now);
    ASSERT_TRUE(job);
    ASSERT_EQ(scheduler.Judge(job->line, Verdict::kAway, now), Step::kRetryLater);
    EXPECT_LE(*scheduler.next_due() - now, 2s);
    now = *scheduler.next_due();
  }
  EXPECT_EQ(scheduler.queued(), 1u);
}

TEST(KeyScheduler, OfAnAbandonedStreamOnlyWhatRunsIsLeftAndItIsNotTriedAgain) {
  KeyScheduler scheduler(10);
  scheduler.Push(Of("A", 1));
  scheduler.Push(Of("A", 2));
  scheduler.Push(Of("B", 3));
  scheduler.Push(Of("C", 4));
  scheduler.Push(Of("A", 5, "other"));
  const auto a = scheduler.Next(kStart);
  const auto b = scheduler.Next(kStart);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(scheduler.Judge(b->line, Verdict::kFailed, kStart), Step::kRetryLater);
  scheduler.Abandon("s");
  EXPECT_EQ(scheduler.queued(), 2u);
  // Read once more, under a new lease: it waits for the one that still runs.
  scheduler.Push(Of("A", 1));
  scheduler.Push(Of("A", 2));
  EXPECT_EQ(scheduler.Next(kStart)->deliveries.front()->family, "other");
  EXPECT_FALSE(scheduler.Next(kStart + 10s));
  EXPECT_EQ(a->deliveries.front()->event.sequence, 1u);
  EXPECT_EQ(scheduler.Judge(a->line, Verdict::kFailed, kStart), Step::kDrop);
  scheduler.Finish(a->line);
  const auto again = scheduler.Next(kStart);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->deliveries.front()->event.sequence, 1u);
  EXPECT_EQ(scheduler.Judge(again->line, Verdict::kFailed, kStart), Step::kRetryLater) << "a try of its own";
}

TEST(KeyScheduler, WhatIsHeldBackComesSoonAgainAndCountsForNothing) {
  KeyScheduler scheduler(1);
  scheduler.Push(Of("A", 1));
  SteadyTime now = kStart;
  for (int i = 0; i < 100; ++i) {
    const auto job = scheduler.Next(now);
    ASSERT_TRUE(job);
    EXPECT_EQ(job->attempt, 1);
    ASSERT_EQ(scheduler.Judge(job->line, Verdict::kHeld, now), Step::kRetryLater);
    EXPECT_LE(*scheduler.next_due() - now, 50ms);
    now = *scheduler.next_due();
  }
}

TEST(KeyScheduler, WhatWaitsOfOneKeyIsHandedOutTogetherWhereAllOfItJoins) {
  KeyScheduler scheduler(10);
  for (const Delivery& delivery : {Joining("A", 1), Joining("A", 2), Of("A", 3), Joining("A", 4), Joining("B", 5)}) {
    scheduler.Push(delivery);
  }
  const auto a = scheduler.Next(kStart);
  const auto b = scheduler.Next(kStart);
  ASSERT_TRUE(a && b);
  EXPECT_THAT(Numbers(*a), ElementsAre(1, 2));
  EXPECT_THAT(Numbers(*b), ElementsAre(5));
  scheduler.Push(Joining("A", 6));
  scheduler.Finish(a->line);
  EXPECT_EQ(scheduler.queued(), 4u);
  const auto third = scheduler.Next(kStart);
  EXPECT_THAT(Numbers(*third), ElementsAre(3)) << "it does not join";
  scheduler.Finish(third->line);
  const auto rest = scheduler.Next(kStart);
  EXPECT_THAT(Numbers(*rest), ElementsAre(4, 6));
  scheduler.Finish(rest->line);
  scheduler.Finish(b->line);
  EXPECT_EQ(scheduler.queued(), 0u);
}

TEST(KeyScheduler, WhatWasReadUnderTwoLeasesIsNotHandedOutTogether) {
  KeyScheduler scheduler(10);
  scheduler.Push(Joining("A", 1, 1));
  scheduler.Push(Joining("A", 2, 2));
  EXPECT_THAT(Numbers(*scheduler.Next(kStart)), ElementsAre(1));
}

TEST(KeyScheduler, AJobIsBounded) {
  KeyScheduler scheduler(10);
  for (uint64_t i = 0; i < 2 * KeyScheduler::kTogetherMax; ++i) {
    scheduler.Push(Joining("A", i));
  }
  EXPECT_EQ(scheduler.Next(kStart)->deliveries.size(), KeyScheduler::kTogetherMax);
}

TEST(KeyScheduler, WhatFailsTogetherIsHandledOneByOneAndOnlyTheOneThatFailsIsHeldBack) {
  KeyScheduler scheduler(10);
  for (uint64_t i = 1; i <= 3; ++i) {
    scheduler.Push(Joining("A", i));
  }
  const auto all = scheduler.Next(kStart);
  EXPECT_THAT(Numbers(*all), ElementsAre(1, 2, 3));
  ASSERT_TRUE(scheduler.Part(all->line));
  scheduler.Push(Joining("A", 4));
  EXPECT_EQ(scheduler.Judge(all->line, Verdict::kDone, kStart), Step::kAcknowledge);
  scheduler.Finish(all->line);
  EXPECT_EQ(scheduler.queued(), 3u);
  SteadyTime now = kStart;
  for (int attempt = 1; attempt < KeyScheduler::kTriesMax; ++attempt) {
    const auto second = scheduler.Next(now);
    ASSERT_TRUE(second);
    EXPECT_THAT(Numbers(*second), ElementsAre(2));
    EXPECT_EQ(second->attempt, attempt) << "failing together is no try";
    EXPECT_EQ(scheduler.Judge(second->line, Verdict::kFailed, now), Step::kRetryLater);
    now = *scheduler.next_due();
  }
  const auto dead = scheduler.Next(now);
  EXPECT_EQ(scheduler.Judge(dead->line, Verdict::kFailed, now), Step::kDeadLetter);
  scheduler.Finish(dead->line);
  const auto third = scheduler.Next(now);
  EXPECT_THAT(Numbers(*third), ElementsAre(3)) << "the last of those that had failed together";
  scheduler.Finish(third->line);
  EXPECT_THAT(Numbers(*scheduler.Next(now)), ElementsAre(4));
}

TEST(KeyScheduler, WhatRunsTogetherStaysUntilItsEndWhenTheStreamIsAbandoned) {
  KeyScheduler scheduler(10);
  for (uint64_t i = 1; i <= 2; ++i) {
    scheduler.Push(Joining("A", i));
  }
  const auto both = scheduler.Next(kStart);
  scheduler.Push(Joining("A", 3));
  scheduler.Abandon("s");
  EXPECT_EQ(scheduler.queued(), 2u);
  EXPECT_THAT(Numbers(*both), ElementsAre(1, 2));
  EXPECT_FALSE(scheduler.Part(both->line)) << "nothing of it is tried again";
  scheduler.Finish(both->line);
  EXPECT_EQ(scheduler.queued(), 0u);
  EXPECT_EQ(scheduler.running(), 0u);
}

Delivery Sharing(std::string key, uint64_t number) { return Joining(std::move(key), number, 1, Together::kOfStream); }

TEST(KeyScheduler, WhatSharesALineIsHandedOutTogetherWhateverItsKey) {
  KeyScheduler scheduler(10);
  scheduler.Push(Sharing("A", 1));
  scheduler.Push(Sharing("B", 2));
  const auto both = scheduler.Next(kStart);
  EXPECT_THAT(Numbers(*both), ElementsAre(1, 2));
  scheduler.Push(Sharing("C", 3));
  EXPECT_FALSE(scheduler.Next(kStart)) << "one job of the stream at a time";
  scheduler.Finish(both->line);
  EXPECT_THAT(Numbers(*scheduler.Next(kStart)), ElementsAre(3));
}

TEST(KeyScheduler, WhatFailsInASharedLineHoldsBackItsOwnKeyOnly) {
  KeyScheduler scheduler(10);
  for (const auto& [key, number] : {std::pair{"BAD", 1}, {"GOOD", 2}, {"BAD", 3}, {"GOOD", 4}}) {
    scheduler.Push(Sharing(key, static_cast<uint64_t>(number)));
  }
  const auto all = scheduler.Next(kStart);
  EXPECT_THAT(Numbers(*all), ElementsAre(1, 2, 3, 4));
  ASSERT_TRUE(scheduler.Part(all->line));
  EXPECT_EQ(scheduler.Judge(all->line, Verdict::kFailed, kStart), Step::kRetryLater);
  scheduler.Push(Sharing("BAD", 5));
  for (const uint64_t number : {2, 4}) {
    const auto good = scheduler.Next(kStart);
    ASSERT_TRUE(good);
    EXPECT_THAT(Numbers(*good), ElementsAre(number)) << "alone, for together they failed";
    scheduler.Finish(good->line);
  }
  scheduler.Push(Sharing("GOOD", 6));
  const auto last = scheduler.Next(kStart);
  EXPECT_THAT(Numbers(*last), ElementsAre(6));
  scheduler.Finish(last->line);
  EXPECT_FALSE(scheduler.Next(kStart));
  const auto again = scheduler.Next(*scheduler.next_due());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->attempt, 2);
  EXPECT_THAT(Numbers(*again), ElementsAre(1));
  scheduler.Finish(again->line);
  const auto rest = scheduler.Next(kStart);
  EXPECT_THAT(Numbers(*rest), ElementsAre(3, 5)) << "in their order, before anything else of the key";
  scheduler.Finish(rest->line);
  EXPECT_EQ(scheduler.queued(), 0u);
  EXPECT_EQ(scheduler.running(), 0u);
}

TEST(KeyScheduler, WhereTheCulpritIsKnownOnlyItIsHandledAlone) {
  KeyScheduler scheduler(10);
  for (uint64_t i = 1; i <= 5; ++i) {
    scheduler.Push(Sharing("K" + std::to_string(i), i));
  }
  const auto all = scheduler.Next(kStart);
  EXPECT_EQ(scheduler.Part(all->line, 2), 2u) << "those before it, once more";
  scheduler.Finish(all->line);
  const auto culprit = scheduler.Next(kStart);
  EXPECT_THAT(Numbers(*culprit), ElementsAre(3));
  EXPECT_EQ(scheduler.Judge(culprit->line, Verdict::kPoisoned, kStart), Step::kDeadLetter);
  scheduler.Finish(culprit->line);
  const auto rest = scheduler.Next(kStart);
  EXPECT_THAT(Numbers(*rest), ElementsAre(4, 5));
  EXPECT_EQ(scheduler.Part(rest->line, 0), 1u);
  EXPECT_EQ(scheduler.Part(rest->line), 1u);
  scheduler.Finish(rest->line);
  EXPECT_THAT(Numbers(*scheduler.Next(kStart)), ElementsAre(5));
}

TEST(KeyScheduler, AnAbsentDatabaseHoldsBackAWholeSharedLine) {
  KeyScheduler scheduler(10);
  scheduler.Push(Sharing("A", 1));
  scheduler.Push(Sharing("B", 2));
  const auto both = scheduler.Next(kStart);
  ASSERT_TRUE(scheduler.Part(both->line));
  EXPECT_EQ(scheduler.Judge(both->line, Verdict::kAway, kStart), Step::kRetryLater);
  EXPECT_FALSE(scheduler.Next(kStart));
  EXPECT_THAT(Numbers(*scheduler.Next(*scheduler.next_due())), ElementsAre(1));
}

TEST(KeyScheduler, AnAbandonedSharedLineKeepsWhatRunsAndWhatComesAnewWaitsForIt) {
  KeyScheduler scheduler(10);
  scheduler.Push(Sharing("BAD", 1));
  scheduler.Push(Sharing("A", 2));
  const auto all = scheduler.Next(kStart);
  ASSERT_TRUE(scheduler.Part(all->line));
  EXPECT_EQ(scheduler.Judge(all->line, Verdict::kFailed, kStart), Step::kRetryLater);
  const auto running = scheduler.Next(kStart);
  EXPECT_THAT(Numbers(*running), ElementsAre(2));
  scheduler.Abandon("s");
  EXPECT_EQ(scheduler.queued(), 1u) << "nothing of the line that BAD had for itself";
  scheduler.Push(Sharing("BAD", 1));
  scheduler.Push(Sharing("A", 2));
  EXPECT_FALSE(scheduler.Next(kStart + 10s));
  scheduler.Finish(running->line);
  const auto again = scheduler.Next(kStart);
  ASSERT_TRUE(again);
  EXPECT_THAT(Numbers(*again), ElementsAre(1, 2));
}

TEST(KeyScheduler, KeepsEveryKeysOrderWhateverHappens) {
  const uint64_t seed = SystemRandom().Next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  KeyScheduler scheduler(4);
  std::map<std::string, uint64_t> last;
  std::vector<KeyScheduler::Job> running;
  SteadyTime now = kStart;
  uint64_t pushed = 0;
  uint64_t finished = 0;
  // Some streams have a line for all keys.
  const auto push = [&](const std::string& key, uint64_t number) {
    const Together joins = key < "K4" ? Together::kOfStream : Together::kOfKey;
    Delivery delivery = Joining(key, number, random.Below(20) == 0 ? 2 : 1, joins);
    delivery.family = key < "K4" ? "shared" : "s";
    if (joins == Together::kOfKey && random.Below(3) == 0) {
      delivery.joins = Together::kNone;
    }
    scheduler.Push(std::move(delivery));
  };
  while (finished < 5000) {
    if (pushed < 5000 && random.Below(2) == 0) {
      ++pushed;
      push("K" + std::to_string(random.Below(8)), pushed);
    }
    if (auto job = scheduler.Next(now)) {
      running.push_back(*job);
    }
    ASSERT_LE(running.size(), 4u);
    if (!running.empty() && random.Below(2) == 0) {
      const size_t which = random.Below(running.size());
      const auto job = running[which];
      running.erase(running.begin() + static_cast<ptrdiff_t>(which));
      if (job.deliveries.size() > 1 && random.Below(2) == 0) {
        for (const Delivery* delivery : job.deliveries) {
          ASSERT_LT(last[delivery->event.key], delivery->event.sequence);
          last[delivery->event.key] = delivery->event.sequence;
          ++finished;
        }
        scheduler.Finish(job.line);
        continue;
      }
      if (size_t left = job.deliveries.size(); left > 1) {
        const auto culprit = random.Below(2) == 0 ? std::optional<size_t>(random.Below(left)) : std::nullopt;
        left = scheduler.Part(job.line, culprit);
        ASSERT_LT(left, job.deliveries.size());
        if (left > 1) {
          scheduler.Part(job.line);
        }
      }
      constexpr std::array kVerdicts = {Verdict::kDone, Verdict::kDone,     Verdict::kDone, Verdict::kFailed,
                                        Verdict::kAway, Verdict::kPoisoned, Verdict::kHeld, Verdict::kDone};
      const Verdict verdict = kVerdicts[random.Below(kVerdicts.size())];
      const uint64_t number = job.deliveries.front()->event.sequence;
      const std::string key = job.deliveries.front()->event.key;
      if (scheduler.Judge(job.line, verdict, now) != Step::kRetryLater) {
        ASSERT_LT(last[key], number);
        last[key] = number;
        scheduler.Finish(job.line);
        ++finished;
      }
    }
    now += 10ms;
  }
  EXPECT_EQ(scheduler.queued(), 0u);
  EXPECT_EQ(scheduler.running(), 0u);
}

}  // namespace
}  // namespace quantum::bus
