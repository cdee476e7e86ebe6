#include "services/monitoring_health/live_feed.h"

#include <gmock/gmock.h>

#include <vector>

namespace quantum::monitoring_health {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::SizeIs;

// A reader in the process: takes a message at a time, when it is let.
class Reader final : public http::WebSocketSession {
 public:
  explicit Reader(bool reads = true) {
    if (reads) {
      may_read.Set();
    }
  }
  Result<std::string> Read() override { return Error{Errc::kUnavailable, "says nothing"}; }
  Status Write(std::string_view text) override {
    may_read.Wait();
    if (gone) {
      return Error{Errc::kUnavailable, "gone"};
    }
    received.emplace_back(text);
    return {};
  }
  void Close() override { closed = true; }
  void Abort() override { closed = true; }

  fiber::Event may_read;
  std::vector<std::string> received;
  bool gone = false;
  bool closed = false;
};

void InFiber(const std::function<void(fiber::Loop&)>& body) {
  fiber::Loop loop("test");
  loop.Spawn([&] {
    body(loop);
    loop.Stop();
  });
  loop.Run();
}

// Everything that is ready has run.
void Settle() {
  for (int i = 0; i < 10; ++i) {
    fiber::YieldNow();
  }
}

TEST(LiveFeed, GivesANewReaderTheNewestSnapshotAndThenEveryOne) {
  InFiber([](fiber::Loop& loop) {
    const auto feed = std::make_shared<LiveFeed>();
    feed->Push("1");
    feed->Push("2");
    Reader reader;
    loop.Spawn([&] { feed->Serve(reader); });
    Settle();
    feed->Push("3");
    Settle();
    EXPECT_THAT(reader.received, ElementsAre("2", "3"));
    EXPECT_EQ(feed->sessions(), 1u);
    feed->Close();
    Settle();
    EXPECT_TRUE(reader.closed);
    EXPECT_EQ(feed->sessions(), 0u);
  });
}

TEST(LiveFeed, DropsAReaderThatFallsBehindAndServesTheOthers) {
  InFiber([](fiber::Loop& loop) {
    const auto feed = std::make_shared<LiveFeed>();
    Reader slow(false);
    Reader quick;
    loop.Spawn([&] { feed->Serve(slow); });
    loop.Spawn([&] { feed->Serve(quick); });
    Settle();
    constexpr size_t kMany = LiveFeed::kBacklogMax + 3;
    for (size_t i = 0; i < kMany; ++i) {
      feed->Push(std::to_string(i));
      Settle();
    }
    slow.may_read.Set();
    Settle();
    EXPECT_TRUE(slow.closed);
    EXPECT_THAT(slow.received, SizeIs(testing::Le(LiveFeed::kBacklogMax + 1)));
    EXPECT_FALSE(quick.closed);
    EXPECT_THAT(quick.received, SizeIs(kMany));
    feed->Close();
    Settle();
  });
}

TEST(LiveFeed, ForgetsAReaderThatIsGone) {
  InFiber([](fiber::Loop& loop) {
    const auto feed = std::make_shared<LiveFeed>();
    Reader reader;
    loop.Spawn([&] { feed->Serve(reader); });
    Settle();
    reader.gone = true;
    feed->Push("1");
    Settle();
    EXPECT_TRUE(reader.closed);
    EXPECT_EQ(feed->sessions(), 0u);
  });
}

TEST(LiveFeed, RefusesReadersOnceItIsClosed) {
  InFiber([](fiber::Loop&) {
    const auto feed = std::make_shared<LiveFeed>();
    feed->Close();
    Reader reader;
    feed->Serve(reader);
    EXPECT_TRUE(reader.closed);
  });
}

}  // namespace
}  // namespace quantum::monitoring_health
