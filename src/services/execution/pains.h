#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "services/execution/emergency.h"
#include "services/execution/protector.h"
#include "services/execution/reconciler.h"
#include "services/execution/scripted_venue.h"
#include "services/execution/sender.h"

// What the tests of execution's failures share.
namespace quantum::execution::test {

using namespace std::chrono_literals;

class Sink final : public ChangeSink {
 public:
  void Enqueue(ChangeSet changes) override {
    for (bus::Event& event : changes.events) {
      events.push_back(event.type);
    }
  }
  bool WaitWritten(Duration) override { return !away; }
  bool Awaits(const std::string&) const override { return away; }
  bool away = false;
  std::vector<std::string> events;
};

// Not expired however long this machine takes: the clock below runs twenty times as fast as the others.
inline Approval LastingApproval(const std::string& id = "decision-1", Side side = Side::kBuy) {
  Approval approval = OpenApproval(id, side);
  approval.decision.expires_at += std::chrono::milliseconds(1h).count();
  return approval;
}

// Time that runs twenty times as fast as the fibers' waits, so that a proof of absence takes no six seconds.
class FastClock final : public Clock {
 public:
  WallTime Now() const override { return kNow + Scaled(); }
  SteadyTime Steady() const override { return SteadyTime(1h) + Scaled(); }

 private:
  Duration Scaled() const { return 20 * (SystemClock().Steady() - begin_); }
  SteadyTime begin_ = SystemClock().Steady();
};

// A venue that misbehaves on command, and what execution does about it.
class Pains : public ::testing::Test {
 protected:
  struct World {
    explicit World(fiber::Loop& loop, const Clock& clock, const std::string& directory)
        : desk(loop, clock, venue, sink, MakeSettings(directory)),
          sender(desk),
          protector(desk, sender),
          reconciler(desk, sender),
          emergency(desk, sender) {
      desk.rules = AllRules();
      desk.restored = true;
      desk.reconciled = true;
      venue.StreamUser([this](const exchange::UserEvent& event) {
        if (const auto* report = std::get_if<trading::OrderReport>(&event)) {
          desk.Report(*report);
        }
      });
    }
    static Settings MakeSettings(const std::string& directory) {
      Settings settings;
      settings.mode = "PAPER";
      settings.symbols = {"BTCUSDT"};
      settings.halt_file = directory + "/run/halt.json";
      return settings;
    }
    void Enter(const std::string& decision, Side side = Side::kBuy) {
      const Plan plan = PlanOf(LastingApproval(decision, side));
      desk.ledger.Adopt(plan);
      sender.Submit(plan.orders.front().client_order_id);
    }
    const Order& Leg(const std::string& decision, trading::Leg leg) {
      return *desk.ledger.FindOrder(trading::ClientOrderId(decision, leg));
    }
    ScriptedVenue venue;
    Sink sink;
    Desk desk;
    Sender sender;
    Protector protector;
    Reconciler reconciler;
    Emergency emergency;
  };

  Pains() {
    char name[] = "/tmp/execution-test-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~Pains() override { std::system(("rm -r " + directory_).c_str()); }

  void Run(const std::function<void(World&)>& body) {
    fiber::Loop loop("test");
    const auto world = std::make_shared<World>(loop, clock_, directory_);
    world->desk.owner = world;
    loop.Spawn([&] {
      body(*world);
      world->desk.stopping.Set();
      fiber::SleepFor(20ms);
      loop.Stop();
    });
    loop.Run();
  }
  static bool Eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 2000; ++i) {
      if (condition()) {
        return true;
      }
      fiber::SleepFor(1ms);
    }
    return false;
  }
  std::string directory_;
  FastClock clock_;
};

}  // namespace quantum::execution::test
