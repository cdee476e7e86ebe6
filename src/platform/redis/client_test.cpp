#include "platform/redis/client.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "platform/fiber/fiber.h"

namespace quantum::redis {
namespace {

using namespace std::chrono_literals;

// As a bus's fibers do when a service ends. Under the address sanitizer this fails where the client goes away beneath.
TEST(Client, AFiberThatWaitsForTheMasterMayOutliveIt) {
  fiber::Loop loop("test");
  std::optional<Errc> dedicated;
  std::optional<Errc> run;
  loop.Spawn([&] {
    auto client = std::make_unique<Client>(loop, ClientOptions{.sentinels = {{"127.0.0.1", 1}}});  // nobody is there
    loop.Spawn([&, at = client.get()] { dedicated = at->Dedicated(20s).error().code; });
    loop.Spawn([&, at = client.get()] { run = at->Run({"PING"}, 20s).error().code; });
    fiber::YieldNow();
    EXPECT_FALSE(dedicated || run);
    loop.Post([&] { client.reset(); });  // outside of a fiber nothing can be awaited
    while (!dedicated || !run) {
      fiber::YieldNow();
    }
    loop.Stop();
  });
  loop.Run();
  EXPECT_EQ(dedicated, Errc::kCancelled);
  EXPECT_EQ(run, Errc::kUnavailable);
}

}  // namespace
}  // namespace quantum::redis
