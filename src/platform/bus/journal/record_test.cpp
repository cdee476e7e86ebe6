#include "platform/bus/journal/record.h"

#include <gtest/gtest.h>

namespace quantum::bus::journal {
namespace {

const Header kHeader{"execution-service", "0123456789abcdef0123456789abcdef", 7};

Event Numbered(uint64_t sequence) {
  return {.id = "id-" + std::to_string(sequence),
          .type = "order.placed",
          .version = 2,
          .producer = kHeader.producer,
          .incarnation = kHeader.incarnation,
          .sequence = sequence,
          .source = "execution",
          .key = "BTCUSDT",
          .correlation_id = "abcdef0123456789",
          .cause = "cause",
          .timestamp_ns = 1'700'000'000'000'000'000,
          .payload = R"({"n":)" + std::to_string(sequence) + std::string("}\0 \n", 4)};
}

std::string SegmentOf(uint64_t events) {
  std::string bytes = EncodeSegmentStart(kHeader);
  for (uint64_t sequence = 1; sequence <= events; ++sequence) {
    AppendSealed(kHeader, EncodeEvent(Numbered(sequence)), bytes);
  }
  return bytes;
}

bool IsPrefix(const Segment& segment) {
  uint64_t expected = 0;
  for (const auto& record : segment.records) {
    const auto* const event = std::get_if<Event>(&record);
    const Event wanted = Numbered(++expected);
    if (event == nullptr || event->sequence != expected || event->payload != wanted.payload || event->id != wanted.id) {
      return false;
    }
  }
  return true;
}

TEST(JournalRecord, ReadsBackEveryFieldOfWhatWasWritten) {
  std::string bytes = SegmentOf(1);
  AppendSealed(kHeader, EncodeConfirmed({"older", "order", 42, FromUnixNs(17)}), bytes);
  const Segment segment = ReadSegment(bytes);
  EXPECT_EQ(segment.header.producer, kHeader.producer);
  EXPECT_EQ(segment.header.incarnation, kHeader.incarnation);
  EXPECT_EQ(segment.header.number, 7u);
  EXPECT_EQ(segment.valid_bytes, bytes.size());
  EXPECT_FALSE(segment.damaged);
  ASSERT_EQ(segment.records.size(), 2u);
  const auto& event = std::get<Event>(segment.records[0]);
  const Event wanted = Numbered(1);
  EXPECT_EQ(event.id, wanted.id);
  EXPECT_EQ(event.type, wanted.type);
  EXPECT_EQ(event.version, wanted.version);
  EXPECT_EQ(event.producer, wanted.producer);
  EXPECT_EQ(event.incarnation, wanted.incarnation);
  EXPECT_EQ(event.source, wanted.source);
  EXPECT_EQ(event.key, wanted.key);
  EXPECT_EQ(event.correlation_id, wanted.correlation_id);
  EXPECT_EQ(event.cause, wanted.cause);
  EXPECT_EQ(event.timestamp_ns, wanted.timestamp_ns);
  EXPECT_EQ(event.payload, wanted.payload);
  const auto& note = std::get<Confirmed>(segment.records[1]);
  EXPECT_EQ(note.incarnation, "older");
  EXPECT_EQ(note.family, "order");
  EXPECT_EQ(note.sequence, 42u);
  EXPECT_EQ(ToUnixNs(note.at), 17);
}

TEST(JournalRecord, CutAtAnyByteItHoldsExactlyTheRecordsThatWereComplete) {
  std::vector<size_t> ends{EncodeSegmentStart(kHeader).size()};
  std::string bytes = EncodeSegmentStart(kHeader);
  for (uint64_t sequence = 1; sequence <= 20; ++sequence) {
    AppendSealed(kHeader, EncodeEvent(Numbered(sequence)), bytes);
    ends.push_back(bytes.size());
  }
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    const Segment segment = ReadSegment(std::string_view(bytes).substr(0, cut));
    const auto complete = std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin() - 1;
    ASSERT_EQ(static_cast<ptrdiff_t>(segment.records.size()), std::max<ptrdiff_t>(complete, 0)) << "cut at " << cut;
    ASSERT_TRUE(IsPrefix(segment)) << "cut at " << cut;
    ASSERT_FALSE(segment.damaged) << "a cut is a crash, no damage; cut at " << cut;
  }
}

TEST(JournalRecord, AnyByteThatIsFlippedLeavesAPrefixAndIsSeenAsDamageUnlessItIsInTheTail) {
  const std::string sound = SegmentOf(20);
  const size_t tail = SegmentOf(19).size();
  const size_t start = EncodeSegmentStart(kHeader).size();
  for (size_t at = 0; at < sound.size(); ++at) {
    std::string bytes = sound;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
    const Segment segment = ReadSegment(bytes);
    ASSERT_TRUE(IsPrefix(segment)) << "flipped at " << at;
    ASSERT_LT(segment.records.size(), 20u) << "flipped at " << at;
    if (at >= start) {
      ASSERT_EQ(segment.damaged, at < tail) << "flipped at " << at;
    }
  }
}

TEST(JournalRecord, AnEventWithoutAPossibleNumberIsNoRecord) {
  for (const uint64_t sequence : {uint64_t{0}, UINT64_MAX}) {
    std::string bytes = SegmentOf(2);
    AppendSealed(kHeader, EncodeEvent(Numbered(sequence)), bytes);
    EXPECT_EQ(ReadSegment(bytes).records.size(), 2u) << sequence;
  }
}

TEST(JournalRecord, RecordsOfADeletedSegmentThatShowAgainDoNotPass) {
  std::string bytes = SegmentOf(2);
  const Header before{kHeader.producer, kHeader.incarnation, kHeader.number - 1};
  AppendSealed(before, EncodeEvent(Numbered(3)), bytes);
  EXPECT_EQ(ReadSegment(bytes).records.size(), 2u);
}

}  // namespace
}  // namespace quantum::bus::journal
