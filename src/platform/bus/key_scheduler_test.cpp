#include "platform/bus/key_scheduler.h"

#include <gmock/gmock.h>

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
Delivery Joining(std::string key, uint64_t number, uint64_t token = 1) {
  Delivery delivery = Of(std::move(key), number);
  delivery.token = token;
  delivery.joins = true;
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
  EXPECT_EQ(scheduler.Judge(a->key, Verdict::kDone, kStart), Step::kAcknowledge);
  EXPECT_FALSE(scheduler.Next(kStart)) << "A1 is not acknowledged yet";
  scheduler.Finish(a->key);
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
  scheduler.Judge(first->key, Verdict::kDone, kStart);
  scheduler.Finish(first->key);
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
    ASSERT_EQ(scheduler.Judge(job->key, Verdict::kFailed, now), Step::kRetryLater);
    EXPECT_FALSE(scheduler.Next(now)) << "it waits, and its key with it";
    scheduler.Push(Of("GOOD", 100));
    const auto good = scheduler.Next(now);
    ASSERT_TRUE(good);
    EXPECT_EQ(good->deliveries.front()->event.key, "GOOD");
    scheduler.Judge(good->key, Verdict::kDone, now);
    scheduler.Finish(good->key);
    ASSERT_TRUE(scheduler.next_due());
    EXPECT_GT(*scheduler.next_due(), now);
    now = *scheduler.next_due();
  }
  const auto last = scheduler.Next(now);
  EXPECT_EQ(scheduler.Judge(last->key, Verdict::kFailed, now), Step::kDeadLetter);
  EXPECT_LT(now - kStart, 5s);
  scheduler.Finish(last->key);
  const auto next = scheduler.Next(now);
  EXPECT_EQ(next->deliveries.front()->event.sequence, 2u);
  EXPECT_EQ(next->attempt, 1) << "the next event starts with a clean record";
}

TEST(KeyScheduler, APoisonedEventIsDeadAtOnce) {
  KeyScheduler scheduler(1);
  scheduler.Push(Of("A", 1));
  EXPECT_EQ(scheduler.Judge(scheduler.Next(kStart)->key, Verdict::kPoisoned, kStart), Step::kDeadLetter);
}

TEST(KeyScheduler, AnAbsentDatabaseKillsNoEvent) {
  KeyScheduler scheduler(1);
  scheduler.Push(Of("A", 1));
  SteadyTime now = kStart;
  for (int i = 0; i < 100; ++i) {
    const auto job = scheduler.Next(now);
    ASSERT_TRUE(job);
    ASSERT_EQ(scheduler.Judge(job->key, Verdict::kAway, now), Step::kRetryLater);
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
  EXPECT_EQ(scheduler.Judge(b->key, Verdict::kFailed, kStart), Step::kRetryLater);
  scheduler.Abandon("s");
  EXPECT_EQ(scheduler.queued(), 2u);
  // Read once more, under a new lease: it waits for the one that still runs.
  scheduler.Push(Of("A", 1));
  scheduler.Push(Of("A", 2));
  EXPECT_EQ(scheduler.Next(kStart)->deliveries.front()->family, "other");
  EXPECT_FALSE(scheduler.Next(kStart + 10s));
  EXPECT_EQ(a->deliveries.front()->event.sequence, 1u);
  EXPECT_EQ(scheduler.Judge(a->key, Verdict::kFailed, kStart), Step::kDrop);
  scheduler.Finish(a->key);
  const auto again = scheduler.Next(kStart);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->deliveries.front()->event.sequence, 1u);
  EXPECT_EQ(scheduler.Judge(again->key, Verdict::kFailed, kStart), Step::kRetryLater) << "a try of its own";
}

TEST(KeyScheduler, WhatIsHeldBackComesSoonAgainAndCountsForNothing) {
  KeyScheduler scheduler(1);
  scheduler.Push(Of("A", 1));
  SteadyTime now = kStart;
  for (int i = 0; i < 100; ++i) {
    const auto job = scheduler.Next(now);
    ASSERT_TRUE(job);
    EXPECT_EQ(job->attempt, 1);
    ASSERT_EQ(scheduler.Judge(job->key, Verdict::kHeld, now), Step::kRetryLater);
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
  scheduler.Finish(a->key);
  EXPECT_EQ(scheduler.queued(), 4u);
  const auto third = scheduler.Next(kStart);
  EXPECT_THAT(Numbers(*third), ElementsAre(3)) << "it does not join";
  scheduler.Finish(third->key);
  const auto rest = scheduler.Next(kStart);
  EXPECT_THAT(Numbers(*rest), ElementsAre(4, 6));
  scheduler.Finish(rest->key);
  scheduler.Finish(b->key);
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
  ASSERT_TRUE(scheduler.Part(all->key));
  scheduler.Push(Joining("A", 4));
  EXPECT_EQ(scheduler.Judge(all->key, Verdict::kDone, kStart), Step::kAcknowledge);
  scheduler.Finish(all->key);
  EXPECT_EQ(scheduler.queued(), 3u);
  SteadyTime now = kStart;
  for (int attempt = 1; attempt < KeyScheduler::kTriesMax; ++attempt) {
    const auto second = scheduler.Next(now);
    ASSERT_TRUE(second);
    EXPECT_THAT(Numbers(*second), ElementsAre(2));
    EXPECT_EQ(second->attempt, attempt) << "failing together is no try";
    EXPECT_EQ(scheduler.Judge(second->key, Verdict::kFailed, now), Step::kRetryLater);
    now = *scheduler.next_due();
  }
  const auto dead = scheduler.Next(now);
  EXPECT_EQ(scheduler.Judge(dead->key, Verdict::kFailed, now), Step::kDeadLetter);
  scheduler.Finish(dead->key);
  const auto third = scheduler.Next(now);
  EXPECT_THAT(Numbers(*third), ElementsAre(3)) << "the last of those that had failed together";
  scheduler.Finish(third->key);
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
  EXPECT_FALSE(scheduler.Part(both->key)) << "nothing of it is tried again";
  scheduler.Finish(both->key);
  EXPECT_EQ(scheduler.queued(), 0u);
  EXPECT_EQ(scheduler.running(), 0u);
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
  while (finished < 5000) {
    if (pushed < 5000 && random.Below(2) == 0) {
      ++pushed;
      const std::string key = "K" + std::to_string(random.Below(8));
      scheduler.Push(random.Below(3) == 0 ? Of(key, pushed) : Joining(key, pushed, random.Below(20) == 0 ? 2 : 1));
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
          ASSERT_LT(last[job.key], delivery->event.sequence);
          last[job.key] = delivery->event.sequence;
          ++finished;
        }
        scheduler.Finish(job.key);
        continue;
      }
      if (job.deliveries.size() > 1) {
        ASSERT_TRUE(scheduler.Part(job.key));
      }
      const Verdict verdict = random.Below(4) == 0 ? Verdict::kFailed : Verdict::kDone;
      const uint64_t number = job.deliveries.front()->event.sequence;
      if (scheduler.Judge(job.key, verdict, now) != Step::kRetryLater) {
        ASSERT_LT(last[job.key], number);
        last[job.key] = number;
        scheduler.Finish(job.key);
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
