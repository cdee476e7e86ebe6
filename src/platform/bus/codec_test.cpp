#include "platform/bus/codec.h"

#include <gtest/gtest.h>

#include "platform/bus/test_fields.h"

namespace quantum::bus {
namespace {

using test::FieldsOf;

Event Sample() {
  return {.id = "0190-1",
          .type = "order.filled",
          .version = 2,
          .producer = "execution-service",
          .incarnation = "ab12",
          .sequence = 9'007'199'254'740'993,
          .source = "execution-service",
          .key = "BTCUSDT",
          .correlation_id = "correlation-1",
          .cause = "0190-0",
          .timestamp_ns = 1'700'000'000'123'456'789,
          .payload = "{\"price\":\"1.10\"}"};
}

TEST(Codec, AnEventComesBackAsItWasStored) {
  const auto event = ParseEvent(FieldsOf(EntryFields(Sample())));
  ASSERT_TRUE(event.ok()) << event.error().message;
  EXPECT_EQ(EntryFields(*event), EntryFields(Sample()));
  EXPECT_EQ(event->sequence, Sample().sequence);
  EXPECT_EQ(event->timestamp_ns, Sample().timestamp_ns);
}

TEST(Codec, IgnoresFieldsItDoesNotKnow) {
  auto words = EntryFields(Sample());
  words.insert(words.end(), {"shard", "7"});
  EXPECT_TRUE(ParseEvent(FieldsOf(words)).ok());
}

TEST(Codec, NamesTheRequiredFieldThatIsMissing) {
  for (const std::string name : {"id", "type", "v", "producer", "inc", "seq", "source", "ts", "payload"}) {
    auto words = EntryFields(Sample());
    for (size_t i = 0; i < words.size(); i += 2) {
      if (words[i] == name) {
        words.erase(words.begin() + static_cast<ptrdiff_t>(i), words.begin() + static_cast<ptrdiff_t>(i) + 2);
        break;
      }
    }
    const auto event = ParseEvent(FieldsOf(words));
    ASSERT_FALSE(event.ok()) << name;
    EXPECT_EQ(event.error().code, Errc::kInvalidArgument);
    EXPECT_NE(event.error().message.find("\"" + name + "\""), std::string::npos) << event.error().message;
  }
}

TEST(Codec, RefusesNumbersThatAreNone) {
  auto words = EntryFields(Sample());
  words[11] = "-1";  // seq
  EXPECT_FALSE(ParseEvent(FieldsOf(words)).ok());
  words[11] = "1x";
  EXPECT_FALSE(ParseEvent(FieldsOf(words)).ok());
}

TEST(Events, AreNamedAsTheContractSays) {
  RegisterEventType({"order.filled"});
  RegisterEventType({"market.tick", Durability::kVolatile});
  EXPECT_EQ(FamilyOf("order.filled"), "order");
  EXPECT_EQ(FamilyOf("market.tick"), "market.tick") << "a volatile type has a stream of its own";
  EXPECT_EQ(StreamKey("order"), "quantum:stream:{order}");
  EXPECT_EQ(ProducersKey("order"), "quantum:producers:{order}");
  EXPECT_EQ(DeadLetterKey("order"), "quantum:dlq:{order}");
  EXPECT_EQ(GroupName("execution-service"), "quantum:group:execution-service");
  EXPECT_EQ(FindEventType("order.unheard_of"), nullptr);
}

}  // namespace
}  // namespace quantum::bus
