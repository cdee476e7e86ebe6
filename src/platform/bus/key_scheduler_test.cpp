#include "platform/bus/key_scheduler.h"

#include <gtest/gtest.h>

#include "platform/base/random.h"

namespace quantum::bus {
namespace {

using namespace std::chrono_literals;
using Step = KeyScheduler::Step;

Delivery Of(std::string key, uint64_t number, std::string family = "s") {
  Delivery delivery{.family = std::move(family), .entry = std::to_string(number)};
  delivery.event.key = std::move(key);
  delivery.event.sequence = number;
  return delivery;
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
  EXPECT_EQ(a->delivery->event.sequence, 1u);
  EXPECT_EQ(b->delivery->event.sequence, 3u);
  EXPECT_FALSE(scheduler.Next(kStart)) << "A2 waits for A1";
  EXPECT_EQ(scheduler.Judge(a->key, Verdict::kDone, kStart), Step::kAcknowledge);
  EXPECT_FALSE(scheduler.Next(kStart)) << "A1 is not acknowledged yet";
  scheduler.Finish(a->key);
  EXPECT_EQ(scheduler.Next(kStart)->delivery->event.sequence, 2u);
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
    EXPECT_EQ(job->delivery->event.sequence, 1u);
    ASSERT_EQ(scheduler.Judge(job->key, Verdict::kFailed, now), Step::kRetryLater);
    EXPECT_FALSE(scheduler.Next(now)) << "it waits, and its key with it";
    scheduler.Push(Of("GOOD", 100));
    const auto good = scheduler.Next(now);
    ASSERT_TRUE(good);
    EXPECT_EQ(good->delivery->event.key, "GOOD");
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
  EXPECT_EQ(next->delivery->event.sequence, 2u);
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
  EXPECT_EQ(scheduler.Next(kStart)->delivery->family, "other");
  EXPECT_FALSE(scheduler.Next(kStart + 10s));
  EXPECT_EQ(a->delivery->event.sequence, 1u);
  EXPECT_EQ(scheduler.Judge(a->key, Verdict::kFailed, kStart), Step::kDrop);
  scheduler.Finish(a->key);
  const auto again = scheduler.Next(kStart);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->delivery->event.sequence, 1u);
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
      scheduler.Push(Of("K" + std::to_string(random.Below(8)), pushed));
    }
    if (auto job = scheduler.Next(now)) {
      running.push_back(*job);
    }
    ASSERT_LE(running.size(), 4u);
    if (!running.empty() && random.Below(2) == 0) {
      const size_t which = random.Below(running.size());
      const auto job = running[which];
      running.erase(running.begin() + static_cast<ptrdiff_t>(which));
      const Verdict verdict = random.Below(4) == 0 ? Verdict::kFailed : Verdict::kDone;
      const uint64_t number = job.delivery->event.sequence;
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
