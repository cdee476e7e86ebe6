#include "platform/bus/journal/journal.h"

#include <gtest/gtest.h>

#include "platform/bus/journal/faulty_storage.h"

namespace quantum::bus::journal {
namespace {

using namespace std::chrono_literals;

Event Of(std::string type, std::string payload = "{}") {
  return {.type = std::move(type), .payload = std::move(payload)};
}

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override { Restart(); }

  // A new life of the process on the same disk.
  void Restart() {
    auto opened = Journal::Open(storage_, options_, "life-" + std::to_string(++lives_), clock_.Steady(), clock_.Now());
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    journal_ = std::move(*opened);
  }

  // Everything that can be written now; false when it fails.
  bool Write() {
    while (const auto job = journal_->Next(clock_.Steady(), clock_.Now())) {
      journal_->Finish(CarryOut(*job, storage_));
      if (!journal_->trouble().empty()) {
        return false;
      }
    }
    return true;
  }

  FaultyStorage storage_;
  ManualClock clock_;
  Options options_{.producer = "p"};
  std::unique_ptr<Journal> journal_;
  int lives_ = 0;
};

TEST_F(JournalTest, AnEventIsSafeOnlyOnceItIsSynced) {
  const auto ticket = journal_->Append(Of("order.placed"));
  ASSERT_TRUE(ticket.ok());
  EXPECT_EQ(journal_->durable(ticket->lane), 0u);
  const auto job = journal_->Next(clock_.Steady(), clock_.Now());
  ASSERT_TRUE(job.has_value());
  EXPECT_TRUE(job->sync);
  EXPECT_EQ(journal_->durable(ticket->lane), 0u);
  journal_->Finish(CarryOut(*job, storage_));
  EXPECT_EQ(journal_->durable(ticket->lane), 1u);
}

TEST_F(JournalTest, WhatIsAppendedWhileAGroupIsSyncedIsTheNextGroup) {
  ASSERT_TRUE(journal_->Append(Of("order.placed")).ok());
  const auto job = journal_->Next(clock_.Steady(), clock_.Now());
  ASSERT_TRUE(journal_->Append(Of("order.placed")).ok());
  ASSERT_TRUE(journal_->Append(Of("risk.approved")).ok());
  journal_->Finish(CarryOut(*job, storage_));
  EXPECT_EQ(journal_->durable(0), 1u);
  const auto next = journal_->Next(clock_.Steady(), clock_.Now());
  ASSERT_TRUE(next.has_value());
  EXPECT_NE(next->file, job->file) << "each family has its turn, in a segment of its own";
  journal_->Finish(CarryOut(*next, storage_));
  EXPECT_EQ(journal_->durable(1), 1u);
  const auto last = journal_->Next(clock_.Steady(), clock_.Now());
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->file, job->file);
  EXPECT_EQ(last->offset, job->bytes.size());
  journal_->Finish(CarryOut(*last, storage_));
  EXPECT_EQ(journal_->durable(0), 2u);
}

TEST_F(JournalTest, ANewLifeFindsWhatTheBrokerLacksUnderItsOldNumbersAndCountsAnew) {
  ASSERT_TRUE(journal_->Append(Of("order.placed", R"({"n":1})")).ok());
  ASSERT_TRUE(journal_->Append(Of("order.filled", R"({"n":2})")).ok());
  ASSERT_TRUE(Write());
  Restart();
  ASSERT_EQ(journal_->lanes(), 1u);
  EXPECT_EQ(journal_->lane(0).incarnation, "life-1");
  const auto events = journal_->Read(0, 0, 10);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1]->payload, R"({"n":2})");
  EXPECT_EQ(events[1]->sequence, 2u);
  EXPECT_EQ(journal_->pending(), 2u);
  const auto ticket = journal_->Append(Of("order.placed"));
  EXPECT_EQ(ticket->sequence, 1u);
  EXPECT_EQ(journal_->lane(ticket->lane).incarnation, "life-2");
}

TEST_F(JournalTest, ASyncThatFailsAcknowledgesNothingAndTheEventsGoToANewSegment) {
  ASSERT_TRUE(journal_->Append(Of("order.placed")).ok());
  ASSERT_TRUE(Write());
  storage_.set_sync_fails(true);
  ASSERT_TRUE(journal_->Append(Of("order.placed")).ok());
  EXPECT_FALSE(Write());
  EXPECT_FALSE(Write());
  EXPECT_EQ(journal_->durable(0), 1u);
  storage_.set_sync_fails(false);
  EXPECT_TRUE(Write());
  EXPECT_EQ(journal_->durable(0), 2u);
  SeededRandom random(1);
  storage_.LosePower(random);
  Restart();
  EXPECT_EQ(journal_->Read(0, 0, 10).size(), 2u) << "the second is safe in another file than the one in doubt";
}

TEST_F(JournalTest, AFullDiskRefusesThePublisherAndGoesOnByItselfOnceThereIsRoom) {
  ASSERT_TRUE(journal_->Append(Of("order.placed")).ok());
  storage_.set_full(true);
  EXPECT_FALSE(Write());
  const auto refused = journal_->Append(Of("order.placed"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::kExhausted);
  storage_.set_full(false);
  EXPECT_TRUE(Write());
  EXPECT_EQ(journal_->durable(0), 1u);
  EXPECT_TRUE(journal_->Append(Of("order.placed")).ok());
  EXPECT_TRUE(Write());
  Restart();
  EXPECT_EQ(journal_->Read(0, 0, 10).size(), 2u);
}

TEST_F(JournalTest, RefusesWhatIsBeyondItsBoundsAndSpendsNoNumberOnIt) {
  options_.events_max = 4;
  Restart();
  ASSERT_TRUE(journal_->Append(Of("order.placed")).ok());
  ASSERT_TRUE(journal_->Append(Of("order.placed")).ok());
  EXPECT_EQ(journal_->Append(Of("order.placed")).error().code, Errc::kExhausted);
  journal_->Confirm(0, 2, clock_.Steady());
  EXPECT_EQ(journal_->Append(Of("order.placed"))->sequence, 3u);

  options_ = {.producer = "p", .bytes_max = 4096};
  Restart();
  const std::string large(2000, 'x');
  ASSERT_TRUE(journal_->Append(Of("risk.approved", large)).ok());
  ASSERT_TRUE(journal_->Append(Of("risk.approved", large)).ok());
  EXPECT_EQ(journal_->Append(Of("risk.approved", large)).error().code, Errc::kExhausted);
}

TEST_F(JournalTest, SegmentsGoOnceTheBrokerHasHadTheirEventsForHalfAMinute) {
  options_.segment_bytes = 2000;
  Restart();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(journal_->Append(Of("order.placed", std::string(100, 'x'))).ok());
    ASSERT_TRUE(Write());
  }
  const size_t before = storage_.files().size();
  EXPECT_GT(before, 5u);
  journal_->Confirm(0, 100, clock_.Steady());
  clock_.Advance(29s);
  journal_->Retire(clock_.Steady());
  ASSERT_TRUE(Write());
  EXPECT_EQ(storage_.files().size(), before);
  clock_.Advance(2s);
  journal_->Retire(clock_.Steady());
  ASSERT_TRUE(Write());
  EXPECT_EQ(storage_.files().size(), 1u) << "only the one that is written to";
}

TEST_F(JournalTest, ALifeThatBeginsLaterDoesNotSendAgainWhatWasConfirmedLongAgo) {
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(journal_->Append(Of("order.placed")).ok());
  }
  ASSERT_TRUE(Write());
  journal_->Confirm(0, 3, clock_.Steady());
  clock_.Advance(2s);
  ASSERT_TRUE(Write());  // the note
  clock_.Advance(10s);
  Restart();
  EXPECT_EQ(journal_->pending(), 1u);
  EXPECT_EQ(journal_->retained(), 3u) << "a replica that lagged may still be promoted";
  clock_.Advance(60s);
  Restart();
  EXPECT_EQ(journal_->pending(), 1u);
  EXPECT_EQ(journal_->retained(), 3u) << "until the sender has asked the broker";
  journal_->Retire(clock_.Steady());
  EXPECT_EQ(journal_->retained(), 0u);
  EXPECT_EQ(journal_->Read(0, 0, 10).front()->sequence, 4u);
}

TEST_F(JournalTest, WhatANewMasterLacksWaitsAgainAndIsKeptForHalfAMinuteFromThen) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(journal_->Append(Of("order.placed")).ok());
  }
  journal_->Confirm(0, 2, clock_.Steady());
  journal_->Confirm(0, 5, clock_.Steady());
  clock_.Advance(35s);
  journal_->Reopen(0, 3);
  EXPECT_EQ(journal_->pending(), 2u);
  journal_->Retire(clock_.Steady());
  EXPECT_EQ(journal_->Read(0, 3, 10).size(), 2u) << "not sent again yet";
  journal_->Confirm(0, 5, clock_.Steady());
  clock_.Advance(29s);
  journal_->Retire(clock_.Steady());
  EXPECT_EQ(journal_->Read(0, 3, 10).size(), 2u);
  clock_.Advance(2s);
  journal_->Retire(clock_.Steady());
  EXPECT_EQ(journal_->retained(), 0u);
  journal_->Reopen(0, 0);
  EXPECT_EQ(journal_->pending(), 0u) << "what is gone cannot wait";
}

TEST_F(JournalTest, AStreamThatIsStuckLeavesHalfOfTheOutboxToTheOthers) {
  options_.events_max = 10;
  Restart();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(journal_->Append(Of("order.placed")).ok());
  }
  EXPECT_EQ(journal_->Append(Of("order.placed")).error().code, Errc::kExhausted);
  EXPECT_TRUE(journal_->Append(Of("risk.approved")).ok());
}

TEST_F(JournalTest, AJobThatFailedIsTheNextAgainThoughOtherFamiliesWait) {
  ASSERT_TRUE(journal_->Append(Of("order.placed")).ok());
  ASSERT_TRUE(journal_->Append(Of("risk.approved")).ok());
  storage_.set_full(true);
  EXPECT_FALSE(Write());
  const auto job = journal_->Next(clock_.Steady(), clock_.Now());
  journal_->Finish(CarryOut(*job, storage_));
  EXPECT_EQ(journal_->Next(clock_.Steady(), clock_.Now())->file, job->file);
}

TEST_F(JournalTest, SeveralStreamsThatAreStuckLeaveRoomForAnother) {
  options_.events_max = 12;
  Restart();
  for (const char* type : {"order.placed", "trade.opened"}) {
    for (int i = 0; i < 6; ++i) {
      ASSERT_TRUE(journal_->Append(Of(type)).ok());
    }
    EXPECT_EQ(journal_->Append(Of(type)).error().code, Errc::kExhausted);
  }
  for (int i = 0; i < 100; ++i) {
    const auto ticket = journal_->Append(Of("risk.approved"));
    ASSERT_TRUE(ticket.ok()) << ticket.error().message;
    journal_->Confirm(ticket->lane, ticket->sequence, clock_.Steady());
  }
}

// What a stream keeps on the disk whose publishers must wait is its own.
TEST_F(JournalTest, AStreamThatIsStuckPinsNothingOfTheOthers) {
  options_.bytes_max = 64'000;
  options_.segment_bytes = 2'000;
  Restart();
  const std::string payload(200, 'x');
  size_t stuck = 0;
  for (int i = 0; i < 2000; ++i) {
    stuck += i % 20 == 0 && journal_->Append(Of("order.placed", payload)).ok() ? 1 : 0;
    const auto ticket = journal_->Append(Of("risk.approved", payload));
    ASSERT_TRUE(ticket.ok()) << i << ": " << ticket.error().message;
    ASSERT_TRUE(Write());
    journal_->Confirm(ticket->lane, ticket->sequence, clock_.Steady());
    clock_.Advance(1s);
    journal_->Retire(clock_.Steady());
  }
  EXPECT_EQ(stuck, 100u) << "far below the bound, though other events stood between them";
  ASSERT_TRUE(Write());
  EXPECT_LT(journal_->bytes(), options_.bytes_max);
  while (journal_->Append(Of("order.placed", payload)).ok()) {
    ASSERT_TRUE(Write());
  }
  for (int i = 0; i < 2000; ++i) {
    const auto ticket = journal_->Append(Of("risk.approved", payload));
    ASSERT_TRUE(ticket.ok()) << ticket.error().message;
    ASSERT_TRUE(Write());
    ASSERT_LT(journal_->bytes(), 2 * options_.bytes_max);
    journal_->Confirm(ticket->lane, ticket->sequence, clock_.Steady());
    clock_.Advance(1s);
    journal_->Retire(clock_.Steady());
  }
  Restart();
  EXPECT_FALSE(journal_->Append(Of("order.placed", payload)).ok()) << "a new life knows whose they are";
  EXPECT_TRUE(journal_->Append(Of("risk.approved", payload)).ok());
}

TEST_F(JournalTest, ADamagedSegmentIsReportedGivesWhatStandsBeforeTheDamageAndIsKept) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(journal_->Append(Of("order.placed", std::string(100, 'x'))).ok());
    ASSERT_TRUE(Write());
  }
  auto [name, bytes] = *storage_.files().begin();
  const size_t second = ReadSegment(bytes).valid_bytes / 2;
  bytes[second] = static_cast<char>(bytes[second] ^ 1);
  storage_.Put(name, bytes);
  Restart();
  ASSERT_EQ(journal_->damaged().size(), 1u);
  EXPECT_EQ(journal_->pending(), 1u);
  journal_->Confirm(0, 1, clock_.Steady());
  clock_.Advance(31s);
  journal_->Retire(clock_.Steady());
  ASSERT_TRUE(Write());
  EXPECT_EQ(storage_.files().count(name + ".damaged"), 1u);
  Restart();
  EXPECT_TRUE(journal_->damaged().empty());
  EXPECT_EQ(journal_->pending(), 0u);
}

TEST_F(JournalTest, RefusesTheFolderOfAnotherProducer) {
  ASSERT_TRUE(journal_->Append(Of("order.placed")).ok());
  ASSERT_TRUE(Write());
  options_.producer = "q";
  const auto opened = Journal::Open(storage_, options_, "life-2", clock_.Steady(), clock_.Now());
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Errc::kInvalidArgument);
}

// Random lives with every fault there is; after each power loss the next life must hold every event that was reported
// durable and not confirmed for half a minute, under its number, in order.
class JournalLives : public ::testing::TestWithParam<uint64_t> {};

TEST_P(JournalLives, LoseNothingThatWasAcknowledged) {
  SeededRandom random(GetParam());
  FaultyStorage storage;
  ManualClock clock;
  std::map<std::pair<std::string, std::string>, std::map<uint64_t, std::string>> acknowledged;  // by lane
  int losses_of_power = 0;
  for (int life = 0; life < 30; ++life) {
    const std::string incarnation = "life-" + std::to_string(life);
    auto opened = Journal::Open(storage, {.producer = "p", .events_max = 200, .segment_bytes = 600}, incarnation,
                                clock.Steady(), clock.Now());
    ASSERT_TRUE(opened.ok());
    Journal& journal = **opened;
    std::map<std::pair<std::string, std::string>, std::map<uint64_t, std::string>> held;
    for (size_t lane = 0; lane < journal.lanes(); ++lane) {
      uint64_t previous = 0;
      for (const EventPtr& event : journal.Read(lane, 0, SIZE_MAX)) {
        ASSERT_TRUE(previous == 0 || event->sequence == previous + 1) << "seed " << GetParam();
        previous = event->sequence;
        held[{event->incarnation, journal.lane(lane).family}][event->sequence] = event->payload;
      }
    }
    for (const auto& [lane, events] : acknowledged) {
      for (const auto& [sequence, payload] : events) {
        ASSERT_EQ(held[lane][sequence], payload)
            << lane.first << " " << lane.second << " " << sequence << ", seed " << GetParam() << ", life " << life;
      }
    }
    std::optional<Journal::Job> job;
    for (uint64_t step = random.Below(120); step > 0; --step) {
      switch (random.Below(10)) {
        case 0:
        case 1:
        case 2:
        case 3:
          static_cast<void>(journal.Append(
              Of(random.Below(2) == 0 ? "order.placed" : "risk.approved", std::to_string(random.Next()))));
          break;
        case 4:
        case 5:
          if (!job) {
            job = journal.Next(clock.Steady(), clock.Now());
          }
          break;
        case 6:
          if (job) {
            storage.set_full(random.Below(8) == 0);
            storage.set_sync_fails(random.Below(8) == 0);
            journal.Finish(CarryOut(*job, storage));
            job.reset();
            for (size_t lane = 0; lane < journal.lanes(); ++lane) {
              for (const EventPtr& event : journal.Read(lane, journal.confirmed(lane), SIZE_MAX)) {
                if (event->sequence <= journal.durable(lane)) {
                  acknowledged[{event->incarnation, journal.lane(lane).family}][event->sequence] = event->payload;
                }
              }
            }
          }
          break;
        case 7:
          if (journal.lanes() > 0) {
            const size_t lane = random.Below(journal.lanes());
            const uint64_t waiting = journal.last(lane) - journal.confirmed(lane);
            const uint64_t upto = journal.confirmed(lane) + (waiting > 0 ? random.Below(waiting + 1) : 0);
            journal.Confirm(lane, upto, clock.Steady());
            auto& events = acknowledged[{journal.lane(lane).incarnation, journal.lane(lane).family}];
            events.erase(events.begin(), events.upper_bound(upto));
          }
          break;
        case 8:
          clock.Advance(std::chrono::seconds(random.Below(20)));
          journal.Retire(clock.Steady());
          break;
        default:
          break;
      }
    }
    if (job && random.Below(2) == 0) {
      static_cast<void>(CarryOut(*job, storage));  // written, and nobody heard of it
    }
    if (random.Below(2) == 0) {
      storage.LosePower(random);
      ++losses_of_power;
    }
  }
  EXPECT_GT(losses_of_power, 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, JournalLives, ::testing::Range<uint64_t>(1, 201));

}  // namespace
}  // namespace quantum::bus::journal
