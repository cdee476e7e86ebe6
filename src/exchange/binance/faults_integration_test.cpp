// The connector against every fault of the paper exchange: what it says of an order is never more than it knows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>

#include "exchange/binance/venue_factory.h"
#include "exchange/paper/faults/fault.h"
#include "tests/support/checkout/checkout.h"
#include "tests/support/fiber_eventually.h"
#include "tests/support/paper_exchange.h"
#include "tests/support/run_in_fiber.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using exchange::Accepted;
using exchange::Outcome;
using exchange::Rejected;
using exchange::Unknown;
using exchange::UserEvent;
using ::testing::HasSubstr;
using testing::fibers::Eventually;
using trading::Decimal;
using trading::OrderReport;
using trading::OrderStatus;
using trading::operator""_dec;

std::string Told(const Outcome& outcome) {
  if (const auto* rejected = std::get_if<Rejected>(&outcome)) {
    return "rejected " + std::to_string(rejected->code) + " " + rejected->message;
  }
  const auto* unknown = std::get_if<Unknown>(&outcome);
  return unknown == nullptr ? "accepted" : "unknown " + unknown->reason;
}

// A connector with its user stream, and the exchange it speaks to.
class Struck {
 public:
  Struck(fiber::Loop& loop, testing::PaperExchangeProcess& paper)
      : paper_(paper),
        venue(MakeTradingVenue({.loop = &loop,
                                .mode = config::Mode::kPaper,
                                .hosts = HostsOf(config::Mode::kPaper, paper.port()),
                                .credentials = {paper.key(), paper.secret()}})
                  .value()) {
    venue->StreamUser([this](const UserEvent& event) {
      connections += std::holds_alternative<exchange::StreamConnected>(event) ? 1 : 0;
      if (const auto* report = std::get_if<OrderReport>(&event)) {
        reports.push_back(*report);
      }
    });
    EXPECT_TRUE(Eventually(10s, [&] { return connections == 1 && venue->GetAccount().ok(); }));
  }
  ~Struck() {
    venue->Stop();
    fiber::SleepFor(600ms);  // stopped streams see it within a slice
  }

  void Fault(const std::string& json) const { paper_.Fault(json); }
  void EndFaults() const { paper_.EndFaults(); }

  // Buys, under a name of its own.
  Outcome Place(Decimal quantity = "0.01"_dec) {
    static int number = 0;
    name = "qt-" + std::to_string(++number);
    placed = SystemClock().Steady();
    const Outcome outcome = venue->Place({.client_order_id = name,
                                          .symbol = "BTCUSDT",
                                          .side = trading::Side::kBuy,
                                          .type = trading::OrderType::kMarket,
                                          .quantity = quantity,
                                          .reduce_only = false});
    answered_after = SystemClock().Steady() - placed;
    return outcome;
  }
  // What the exchange says of the last order, once it can be asked.
  std::string Truth() const {
    std::string truth = "?";
    EXPECT_TRUE(Eventually(20s, [&] {
      const auto found = venue->Find("BTCUSDT", name, false);
      truth = found.ok() ? std::string(ToString(found->report.status)) : "none";
      return found.ok() || found.error().code == Errc::kNotFound;
    }));
    return truth;
  }
  int Reports(OrderStatus status) const {
    return static_cast<int>(std::count_if(reports.begin(), reports.end(), [&](const OrderReport& report) {
      return report.client_order_id == name && report.status == status;
    }));
  }
  bool FillToldWithin(Duration limit) const {
    return Eventually(limit, [&] { return Reports(OrderStatus::kFilled) > 0; });
  }

 private:
  testing::PaperExchangeProcess& paper_;

 public:
  std::unique_ptr<exchange::TradingVenue> venue;
  int connections = 0;
  std::vector<OrderReport> reports;
  std::string name;
  SteadyTime placed{};
  Duration answered_after{};
};

// A fault that may strike before the order is acted on, and after: unknown, both times.
void MayHaveActed(Struck& at, const std::string& name) {
  for (const bool acted : {true, false}) {
    at.Fault(R"({"name":")" + name + R"(","count":1,"match":{"method":"POST","path":"/fapi/v1/order"},)" +
             R"("parameters":{"acted":)" + (acted ? "1" : "0") + "}}");
    const Outcome outcome = at.Place();
    EXPECT_TRUE(std::holds_alternative<Unknown>(outcome)) << Told(outcome);
    EXPECT_EQ(at.Truth(), acted ? "FILLED" : "none");
  }
}

void Limits(Struck& at, const std::string& name) {
  at.Fault(R"({"name":")" + name + R"(","count":1,"parameters":{"retry_after_s":1},"match":{"method":"POST"}})");
  const Outcome outcome = at.Place();
  ASSERT_TRUE(std::holds_alternative<Rejected>(outcome)) << Told(outcome);
  EXPECT_EQ(std::get<Rejected>(outcome).code, -1003);
  EXPECT_TRUE(std::holds_alternative<Rejected>(at.Place())) << "the time that the exchange gave is kept";
  EXPECT_EQ(at.Truth(), "none");
  EXPECT_TRUE(Eventually(10s, [&] { return std::holds_alternative<Accepted>(at.Place()); })) << "and then it goes on";
}

void RejectsWith(Struck& at, int code, Decimal quantity = "0.01"_dec) {
  const Outcome outcome = at.Place(quantity);
  ASSERT_TRUE(std::holds_alternative<Rejected>(outcome)) << Told(outcome);
  EXPECT_EQ(std::get<Rejected>(outcome).code, code);
  EXPECT_EQ(at.Truth(), "none");
}

std::optional<trading::SymbolRules> RulesOf(Struck& at) {
  const auto rules = at.venue->Rules();
  EXPECT_TRUE(rules.ok());
  for (const auto& each : *rules) {
    if (each.symbol == "BTCUSDT") {
      return each;
    }
  }
  return std::nullopt;
}

using Check = std::function<void(Struck&)>;

const std::map<std::string, Check>& Checks() {
  static const std::map<std::string, Check> checks = {
      {"latency",
       [](Struck& at) {
         at.Fault(R"({"name":"latency","parameters":{"ms":300,"tail_ms":300,"tail_share":1}})");
         EXPECT_EQ(Told(at.Place()), "accepted");
         EXPECT_GE(at.answered_after, 600ms);
       }},
      {"late-answer",
       [](Struck& at) {
         at.Fault(R"({"name":"late-answer","match":{"method":"POST"},"parameters":{"ms":600}})");
         EXPECT_EQ(Told(at.Place()), "accepted");
         EXPECT_GE(at.answered_after, 600ms);
       }},
      {"no-answer", [](Struck& at) { MayHaveActed(at, "no-answer"); }},
      {"error-5xx", [](Struck& at) { MayHaveActed(at, "error-5xx"); }},
      {"firewall", [](Struck& at) { MayHaveActed(at, "firewall"); }},
      {"unknown-1006", [](Struck& at) { MayHaveActed(at, "unknown-1006"); }},
      {"timeout-1007", [](Struck& at) { MayHaveActed(at, "timeout-1007"); }},
      {"rate-limit", [](Struck& at) { Limits(at, "rate-limit"); }},
      {"ban", [](Struck& at) { Limits(at, "ban"); }},
      {"reject",
       [](Struck& at) {
         at.Fault(R"({"name":"reject","match":{"method":"POST"},"parameters":{"code":-2010}})");
         RejectsWith(at, -2010);
       }},
      {"partial-then-cancel",
       [](Struck& at) {
         at.Fault(R"({"name":"partial-then-cancel","count":1,"parameters":{"filled_share":0.4}})");
         const Outcome outcome = at.Place();
         ASSERT_TRUE(std::holds_alternative<Accepted>(outcome)) << Told(outcome);
         EXPECT_EQ(at.Truth(), "CANCELED");
         EXPECT_EQ(at.venue->Find("BTCUSDT", at.name, false)->report.filled_quantity, "0.004"_dec);
         EXPECT_TRUE(Eventually(5s, [&] { return at.Reports(OrderStatus::kCanceled) == 1; }));
       }},
      {"symbol-halted",
       [](Struck& at) {
         at.Fault(R"({"name":"symbol-halted","match":{"symbol":"BTCUSDT"}})");
         RejectsWith(at, -4140);
         ASSERT_TRUE(RulesOf(at)) << "it is listed";
         EXPECT_FALSE(RulesOf(at)->trading);
         at.EndFaults();
         EXPECT_TRUE(RulesOf(at)->trading);
         EXPECT_EQ(Told(at.Place()), "accepted");
       }},
      {"filters-changed",
       [](Struck& at) {
         at.Fault(R"({"name":"filters-changed","match":{"symbol":"BTCUSDT"},"parameters":{"step_size":"0.01"}})");
         RejectsWith(at, -1111, "0.011"_dec);
         EXPECT_EQ(RulesOf(at)->step_size, "0.01"_dec);
         EXPECT_EQ(Told(at.Place("0.02"_dec)), "accepted");
       }},
      {"fill-before-answer",
       [](Struck& at) {
         at.Fault(R"({"name":"fill-before-answer","parameters":{"ms":500}})");
         EXPECT_EQ(Told(at.Place()), "accepted");
         EXPECT_EQ(at.Reports(OrderStatus::kFilled), 1) << "told while the answer was awaited";
       }},
      {"events-duplicated",
       [](Struck& at) {
         at.Fault(R"({"name":"events-duplicated","match":{"event":"ORDER_TRADE_UPDATE"}})");
         EXPECT_EQ(Told(at.Place()), "accepted");
         EXPECT_TRUE(Eventually(5s, [&] { return at.Reports(OrderStatus::kFilled) == 2; }));
         EXPECT_EQ(at.reports.back().fill->trade_id, at.reports[at.reports.size() - 2].fill->trade_id);
       }},
      {"events-reordered",
       [](Struck& at) {
         at.Fault(R"({"name":"events-reordered","count":1,"match":{"event":"ORDER_TRADE_UPDATE"}})");
         EXPECT_EQ(Told(at.Place()), "accepted");
         EXPECT_TRUE(Eventually(5s, [&] { return at.Reports(OrderStatus::kNew) == 1; }));
         EXPECT_EQ(at.reports.back().status, OrderStatus::kNew) << "after the fill";
       }},
      {"events-delayed",
       [](Struck& at) {
         at.Fault(R"({"name":"events-delayed","parameters":{"ms":800}})");
         EXPECT_EQ(Told(at.Place()), "accepted");
         EXPECT_TRUE(at.FillToldWithin(5s));
         EXPECT_GE(SystemClock().Steady() - at.placed, 800ms);
       }},
      {"events-lost",
       [](Struck& at) {
         at.Fault(R"({"name":"events-lost","match":{"symbol":"BTCUSDT"}})");
         EXPECT_EQ(Told(at.Place()), "accepted");
         EXPECT_EQ(at.Truth(), "FILLED");
         const std::string lost = at.name;
         at.EndFaults();
         EXPECT_EQ(Told(at.Place()), "accepted");
         EXPECT_TRUE(at.FillToldWithin(5s)) << "what came before it would have come before it";
         at.name = lost;
         EXPECT_EQ(at.Reports(OrderStatus::kFilled), 0);
       }},
      {"streams-cut",
       [](Struck& at) {
         at.Fault(R"({"name":"streams-cut","for_ms":500,"match":{"path":"/private"}})");
         EXPECT_TRUE(Eventually(5s, [&] { return !at.venue->user_stream_connected(); }));
         EXPECT_EQ(Told(at.Place()), "accepted");
         EXPECT_TRUE(Eventually(20s, [&] {
           EXPECT_EQ(Told(at.Place()), "accepted");
           return at.FillToldWithin(500ms);
         })) << "a connection that stays";
         EXPECT_GE(at.connections, 2);
       }},
      {"listen-key-expired",
       [](Struck& at) {
         EXPECT_EQ(Told(at.Place()), "accepted");
         ASSERT_TRUE(at.FillToldWithin(5s));
         at.Fault(R"({"name":"listen-key-expired"})");
         EXPECT_EQ(Told(at.Place()), "accepted");
         EXPECT_EQ(at.Truth(), "FILLED");
         EXPECT_FALSE(at.FillToldWithin(500ms)) << "told nobody";
         EXPECT_EQ(at.connections, 1) << "and the connection stands";
       }},
      {"funding-now",
       [](Struck& at) {
         EXPECT_EQ(Told(at.Place()), "accepted");
         const auto before = at.venue->Funding(SystemClock().Now() - 1h);
         ASSERT_TRUE(before.ok()) << before.error().message;
         at.Fault(R"({"name":"funding-now","match":{"symbol":"BTCUSDT"}})");
         EXPECT_TRUE(Eventually(5s, [&] {
           const auto after = at.venue->Funding(SystemClock().Now() - 1h);
           return after.ok() && after->size() == before->size() + 1 && after->back().symbol == "BTCUSDT";
         }));
       }},
      {"liquidation-now",
       [](Struck& at) {
         EXPECT_EQ(Told(at.Place()), "accepted");
         at.Fault(R"({"name":"liquidation-now","match":{"symbol":"BTCUSDT"}})");
         EXPECT_TRUE(Eventually(5s, [&] {
           const auto positions = at.venue->Positions();
           return positions.ok() && positions->empty();
         }));
         EXPECT_TRUE(Eventually(5s, [&] {
           return std::ranges::any_of(at.reports, [](const OrderReport& report) {
             return report.client_order_id.starts_with("autoclose-") && report.fill;
           });
         })) << "and the stream tells by whom";
       }},
      {"clock-skew",
       [](Struck& at) {
         at.Fault(R"({"name":"clock-skew","parameters":{"ms":30000}})");
         RejectsWith(at, -1021);
         EXPECT_EQ(Told(at.Place()), "accepted") << "the clock was asked for again";
         EXPECT_NEAR(std::chrono::duration<double>(at.venue->clock_offset().value_or(Duration())).count(), 30, 3);
         ASSERT_TRUE(at.FillToldWithin(5s));
         const auto ahead = at.reports.back().time - SystemClock().Now();
         EXPECT_NEAR(std::chrono::duration<double>(ahead).count(), 30, 3) << "user events as well";
       }},
      {"outage", [](Struck& at) {
         at.Fault(R"({"name":"outage","for_ms":2000})");
         EXPECT_TRUE(Eventually(1s, [&] { return !at.venue->user_stream_connected(); }));
         EXPECT_FALSE(std::holds_alternative<Accepted>(at.Place()));
         EXPECT_EQ(at.Truth(), "none");
         EXPECT_TRUE(Eventually(20s, [&] { return at.connections >= 2 && at.venue->user_stream_connected(); }));
         EXPECT_EQ(Told(at.Place()), "accepted");
         EXPECT_TRUE(at.FillToldWithin(5s));
       }}};
  return checks;
}

std::unique_ptr<testing::PaperExchangeProcess> StartPaper() {
  auto paper = std::make_unique<testing::PaperExchangeProcess>(checkout::BinaryDirectory());
  paper->Start();
  return paper;
}

class EveryFault : public ::testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { paper_ = StartPaper(); }
  static void TearDownTestSuite() { paper_.reset(); }
  void TearDown() override { paper_->EndFaults(); }
  static inline std::unique_ptr<testing::PaperExchangeProcess> paper_;
};

TEST_P(EveryFault, MeetsTheConnector) {
  ASSERT_TRUE(Checks().contains(GetParam())) << "a fault without a test";
  testing::RunInFiber([&](fiber::Loop& loop) {
    Struck at(loop, *paper_);
    if (!HasFailure()) {
      Checks().at(GetParam())(at);
    }
  });
}

std::vector<std::string> KindNames() {
  std::vector<std::string> names;
  for (const paper::FaultKind& kind : paper::FaultKinds()) {
    names.emplace_back(kind.name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryFault, ::testing::ValuesIn(KindNames()), [](const auto& instance) {
  std::string name = instance.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(FaultPort, WhatWasActedOnIsOnDiskBeforeItsAnswerIsDropped) {
  const auto paper = StartPaper();
  testing::RunInFiber([&](fiber::Loop& loop) {
    Struck at(loop, *paper);
    at.Fault(R"({"name":"no-answer","match":{"method":"POST","path":"/fapi/v1/order"}})");
    EXPECT_TRUE(std::holds_alternative<Unknown>(at.Place()));
    paper->Kill();
    paper->Start();
    EXPECT_EQ(at.Truth(), "FILLED");
  });
}

TEST(FaultPort, AsksForItsTokenAndNamesWhatIsWrongAndIsNoneOfTheExchangesPorts) {
  const auto paper = StartPaper();
  const std::string json = "Content-Type: application/json\r\n";
  const std::string token = json + "Authorization: Bearer " + paper->fault_token() + "\r\n";
  const auto send = [&](int port, const char* method, const char* path, const std::string& headers,
                        const std::string& body = "") {
    return testing::HttpSend(port, method, path, headers, body).value();
  };
  const int port = paper->fault_port();
  const std::string outage = R"({"name":"outage"})";
  EXPECT_EQ(send(port, "POST", "/faults", json, outage).first, 401);
  EXPECT_EQ(send(port, "POST", "/faults", json + "Authorization: Bearer x\r\n", outage).first, 401);
  EXPECT_EQ(send(port, "GET", "/faults", "").first, 401);
  const auto wrong = send(port, "POST", "/faults", token, R"({"name":"sabotage"})");
  EXPECT_EQ(wrong.first, 400);
  EXPECT_THAT(wrong.second, HasSubstr("name: there are latency"));
  EXPECT_THAT(wrong.second, HasSubstr("correlation_id"));
  EXPECT_EQ(send(paper->port(), "POST", "/faults", token, outage).first, 404);
  EXPECT_EQ(send(paper->port(), "GET", "/faults", token).first, 404);

  EXPECT_EQ(send(port, "POST", "/faults", token, R"({"name":"events-lost","seed":9})"),
            std::pair(201, std::string(R"({"id":1})")));
  EXPECT_THAT(send(port, "GET", "/faults", token).second, HasSubstr(R"("id":1,"name":"events-lost","seed":9)"));
  EXPECT_EQ(send(port, "DELETE", "/faults/2", token).first, 404);
  EXPECT_EQ(send(port, "DELETE", "/faults/x", token).first, 404);
  EXPECT_EQ(send(port, "DELETE", "/faults/1", token).first, 200);
  EXPECT_THAT(send(port, "GET", "/faults", token).second, HasSubstr(R"("faults":[])"));
}

}  // namespace
}  // namespace quantum::binance
