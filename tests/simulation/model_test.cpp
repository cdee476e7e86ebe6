#include <gtest/gtest.h>

#include <iostream>

#include "platform/bus/event.h"
#include "platform/bus/functions.h"
#include "tests/simulation/commands.h"
#include "tests/simulation/step.h"
#include "tests/support/redis_cluster.h"

// The simulator's broker against the real one: both are given the same commands and must answer the same. Ids of
// entries are told apart only by their place, since they follow from the time.
namespace quantum::simulation {
namespace {

using namespace std::chrono_literals;
using redis::Command;
using redis::Reply;

class Ids {
 public:
  std::string Named(const std::string& id) {
    const auto [found, first] = names_.emplace(id, ids_.size());
    if (first) {
      ids_.push_back(id);
    }
    return "#" + std::to_string(found->second);
  }
  const std::string& Of(size_t number) const { return ids_.at(number); }
  size_t size() const { return ids_.size(); }

 private:
  std::map<std::string, size_t> names_;
  std::vector<std::string> ids_;
};

// The reply as text, ids replaced by their numbers.
std::string Show(const Reply& reply, Ids& ids) {
  if (reply.is_error()) {
    return reply.text.substr(0, reply.text.find(' '));
  }
  if (reply.type == Reply::Type::kInteger) {
    return std::to_string(reply.integer);
  }
  if (reply.type == Reply::Type::kArray) {
    std::string text = "[";
    for (const Reply& element : reply.elements) {
      text += Show(element, ids) + " ";
    }
    return text + "]";
  }
  return bus::EntryId::Parse(reply.text) ? ids.Named(reply.text) : reply.text;
}

class Model {
 public:
  Reply Run(const Command& command) {
    clock_.Advance(1ms);
    Commands run(store_, clock_.Now(), 0, rules_, visits_, [this](Store::Change change) { store_.Apply(change); });
    return run.Run(command);
  }
  void SetQuota(bool over) {
    if (over) {
      store_.Apply(Store::Set{bus::ProducersKey("order"), "!quota", "full"});
    } else {
      store_.Apply(Store::Unset{bus::ProducersKey("order"), "!quota"});
    }
  }

 private:
  Store store_;
  ManualClock clock_;
  Rules rules_;
  Visits visits_;
};

Command AppendOf(Choices& choices) {
  const uint64_t first = 1 + choices.Below(12);
  Command words{"FCALL",
                "quantum_bus_4_append",
                "2",
                bus::StreamKey("order"),
                bus::ProducersKey("order"),
                choices.OneIn(3) ? "beta" : "alpha",
                choices.OneIn(3) ? "life2" : "life1",
                choices.OneIn(4) ? "" : std::to_string(choices.Below(3)),
                std::to_string(first),
                "",
                choices.OneIn(8) ? "gap" : ""};
  uint64_t next = first;
  const uint64_t entries = 1 + choices.Below(3);
  for (uint64_t entry = 0; entry < entries; ++entry) {
    const uint64_t events = 1 + choices.Below(3);
    words.push_back(std::to_string(events));
    if (events == 1) {
      words.insert(words.end(), {"e" + std::to_string(next), "order.placed", "1", "s", "K", "c", "", "7", "{}"});
    } else {
      words.push_back("events from " + std::to_string(next) + " on");
    }
    next += events;
  }
  words[9] = std::to_string(next - 1);
  return words;
}

// The command for one side, with the ids as that side knows them.
Command AnyCommand(Choices& choices, const Ids& ids) {
  const std::string stream = bus::StreamKey("order");
  const std::string consumer = choices.OneIn(3) ? "c2" : "c1";
  const auto any_entry = [&] { return ids.size() == 0 ? "1-1" : ids.Of(choices.Below(ids.size())); };
  switch (choices.Below(7)) {
    case 0:
      return {"FCALL", "quantum_bus_4_last", "1", bus::ProducersKey("order"), choices.OneIn(2) ? "beta" : "alpha",
              "life1"};
    case 1:
      return {"XGROUP", "CREATE", stream, "g", "0", "MKSTREAM"};
    case 2:
      return {"XREADGROUP", "GROUP", "g", consumer, "COUNT", "3", "STREAMS", stream, ">"};
    case 3:
      return {"XREADGROUP", "GROUP", "g", consumer, "COUNT", "5", "STREAMS", stream, "0"};
    case 4:
      return {"XACK", stream, "g", any_entry()};
    case 5:
      return {"FCALL",
              "quantum_bus_4_bury",
              "3",
              stream,
              bus::LeaseKey("order", "g"),
              bus::DeadLetterKey("order"),
              "g",
              "",
              "1",
              any_entry(),
              "2",
              "reason",
              "why",
              "4",
              "reason",
              "another",
              "type",
              "x"};
    default:
      return AppendOf(choices);
  }
}

void Compare(fiber::Loop& loop, const redis::ClientOptions& options, uint64_t seed) {
  redis::Client client(loop, options);
  ASSERT_TRUE(client.Run(Command{"FUNCTION", "LOAD", "REPLACE", bus::kFunctionLibrary}).ok());
  SeededRandom random(seed);
  Model model;
  Ids real_ids;
  Ids model_ids;
  for (int step = 0; step < 3000 && !::testing::Test::HasFailure(); ++step) {
    const auto choice = static_cast<uint32_t>(random.Next());
    if (random.Below(50) == 0) {
      const bool over = random.Below(2) == 0;
      const std::string producers = bus::ProducersKey("order");
      ASSERT_TRUE(client
                      .Run(over ? Command{"FCALL", "quantum_bus_4_over_quota", "1", producers, "full"}
                                : Command{"HDEL", producers, "!quota"})
                      .ok());
      model.SetQuota(over);
    }
    Choices for_real(choice);
    Choices for_model(choice);
    const Command command = AnyCommand(for_real, real_ids);
    const auto answered = client.Run(std::vector<Command>{command});
    ASSERT_TRUE(answered.ok());
    const std::string real = Show(answered.value().front(), real_ids);
    const std::string modelled = Show(model.Run(AnyCommand(for_model, model_ids)), model_ids);
    EXPECT_EQ(modelled, real) << command[0] << " " << command[1] << ", step " << step << ", seed " << seed;
  }
}

TEST(SimulationModel, AnswersAsRedisAndTheBrokersFunctionsDo) {
  const uint64_t seed = SystemRandom().Below(1'000'000'000);
  std::cout << "seed " << seed << std::endl;
  const quantum::testing::RedisCluster cluster;
  fiber::Loop loop("test");
  loop.Spawn([&] {
    Compare(loop, cluster.Options(), seed);
    loop.Stop();
  });
  loop.Run();
}

}  // namespace
}  // namespace quantum::simulation
