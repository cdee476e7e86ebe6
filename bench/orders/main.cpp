// bench-orders [--json]: what an order costs this process beside waiting: from the approved decision to the signed
// request's bytes, and from a fill's frame to the ledger that has booked it, without I/O; each beside the HMAC alone
// that a signed request cannot do without. The ledger holds many decisions' orders and trades, as that of a busy desk
// does, and then many that have ended too. Exit code 1 when a median is above its budget.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bench/command_line/command_line.h"
#include "bench/latency/quantile.h"
#include "exchange/binance/decode_user.h"
#include "exchange/binance/encode_order.h"
#include "exchange/binance/signer.h"
#include "platform/base/correlation.h"
#include "platform/http/client_request.h"
#include "services/execution/ledger.h"
#include "services/execution/test_data.h"

namespace quantum::bench {
namespace {

using execution::Ledger;
using execution::Plan;
using execution::test::kNow;
using Steady = std::chrono::steady_clock;

constexpr double kOrderBudgetNs = 10'000;
constexpr double kEventBudgetNs = 20'000;
constexpr int kOrders = 20'000;
constexpr int kRounds = 20;
constexpr int kDecisions = 100;  // each with entry, stop and take-profit
constexpr int kEnded = 20'000;   // as many more that have ended, of which a busy desk remembers ten minutes

// Deterministic credentials of the lengths that the venue gives out.
const std::string kKey(64, 'k');
const std::string kSecret(64, 's');

struct Times {
  std::vector<double> ns;
  template <class Fn>
  void Take(Fn&& work) {
    const auto begin = Steady::now();
    work();
    ns.push_back(std::chrono::duration<double, std::nano>(Steady::now() - begin).count());
  }
  double At(double share) const { return Quantile(ns, share); }
};

[[noreturn]] void Fail(std::string_view what) {
  fmt::print(stderr, "bench-orders: {}\n", what);
  std::exit(1);
}

// What execution and the connector do with an approval, up to the bytes for the socket.
std::string SignedRequest(const execution::Approval& approval, const trading::SymbolRules& rules, int64_t venue_ms) {
  const auto made = execution::MakePlan(approval, &rules, "correlation", kNow);
  const auto* plan = std::get_if<Plan>(&made);
  if (plan == nullptr) {
    Fail("the decision was refused");
  }
  auto encoded = binance::EncodeOrder(execution::RequestOf(plan->orders.front()));
  if (!encoded.ok()) {
    Fail(encoded.error().message);
  }
  encoded->parameters.Sign(kSecret, venue_ms, 1000);
  http::ClientRequest request;
  request.method = "POST";
  request.url = "https://fapi.binance.com" + std::string(encoded->path);
  request.headers.Set("X-MBX-APIKEY", kKey);
  request.headers.Set("Content-Type", "application/x-www-form-urlencoded");
  request.body = encoded->parameters.text();
  const auto url = http::ParseUrl(request.url);
  auto wire = url.ok() ? http::SerializeRequest(request, *url) : Result<std::string>(url.error());
  if (!wire.ok()) {
    Fail(wire.error().message);
  }
  return std::move(*wire);
}

std::string FillFrame(const trading::Order& order, int number) {
  return fmt::format(
      R"({{"e":"ORDER_TRADE_UPDATE","T":{0},"E":{0},"o":{{"s":"BTCUSDT","c":"{1}","S":"BUY","o":"MARKET","f":"GTC",)"
      R"("q":"{2}","p":"0","ap":"60000.10","sp":"0","x":"TRADE","X":"FILLED","i":{3},"l":"{2}","z":"{2}",)"
      R"("L":"60000.10","N":"USDT","n":"0.30000050","T":{0},"t":{3},"b":"0","a":"0","m":false,"R":false,)"
      R"("wt":"CONTRACT_PRICE","ot":"MARKET","ps":"BOTH","cp":false,"rp":"0","pP":false,"si":0,"ss":0,)"
      R"("V":"EXPIRE_TAKER","pm":"NONE","gtd":0}}}})",
      ToUnixMs(kNow), order.client_order_id, order.quantity.ToString(), number);
}

// The frame of every decision's entry, decoded and booked; `decoding` is the first part of it. `ended` more decisions
// have come to nothing before.
void BookFills(int ended, Times& times, Times& decoding) {
  const execution::Rules rules = execution::test::AllRules();
  Ledger ledger({}, rules);
  for (int i = 0; i < ended; ++i) {
    const Plan plan = execution::test::PlanOf(execution::test::OpenApproval("ended-" + std::to_string(i)));
    ledger.Adopt(plan);
    ledger.Discard(plan.orders.front().client_order_id, "never sent", kNow);
  }
  std::vector<std::string> frames;
  for (int i = 0; i < kDecisions; ++i) {
    const Plan plan = execution::test::PlanOf(execution::test::OpenApproval("decision-" + std::to_string(i)));
    ledger.Adopt(plan);
    frames.push_back(FillFrame(plan.orders.front(), i + 1));
  }
  binance::UserDecoder decoder;
  for (const std::string& frame : frames) {
    decoding.Take([&] {
      if (!decoder.Decode(frame).ok()) {
        Fail("a frame cannot be read");
      }
    });
    times.Take([&] {
      const auto message = decoder.Decode(frame);
      if (!message.ok()) {
        Fail(message.error().message);
      }
      for (const exchange::UserEvent& event : message->events) {
        if (const auto applied = ledger.ApplyReport(std::get<trading::OrderReport>(event), kNow); !applied.ok()) {
          Fail(applied.error().message);
        }
      }
    });
  }
  const trading::Decimal expected = execution::test::D("0.01").Times(trading::Decimal::FromInt(kDecisions));
  if (ledger.PositionOf("BTCUSDT").quantity != expected) {
    Fail("the fills were not booked: " + ledger.PositionOf("BTCUSDT").quantity.ToString());
  }
}

struct Row {
  std::string_view name;
  const Times& times;
  double budget_ns;
  double OfBudget() const { return times.At(0.5) / budget_ns; }
};

int Run(bool json) {
  const CorrelationScope scope("01a22781-7a98-760e-a852-ab37c061ed2c");  // as execution sends: under the decision's
  const trading::SymbolRules rules = execution::test::BtcRules();
  const execution::Approval approval = execution::test::OpenApproval();
  Times orders;
  Times signatures;
  const std::string signed_text(260, 'x');
  size_t bytes = 0;
  for (int i = 0; i < kOrders; ++i) {
    orders.Take([&] { bytes += SignedRequest(approval, rules, 1'700'000'000'000 + i).size(); });
    signatures.Take([&] { bytes += binance::HmacSha256Hex(kSecret, signed_text).size(); });
  }
  Times events;
  Times decoding;
  for (int round = 0; round < kRounds; ++round) {
    BookFills(0, events, decoding);
  }
  Times late_events;
  Times late_decoding;
  BookFills(kEnded, late_events, late_decoding);
  const Row rows[] = {{"decision_to_signed_request", orders, kOrderBudgetNs},
                      {"fill_to_ledger", events, kEventBudgetNs},
                      {"fill_to_full_ledger", late_events, kEventBudgetNs},
                      {"fill_decoded_alone", decoding, kEventBudgetNs}};
  const double hmac_ns = signatures.At(0.5);
  boost::json::object out;
  bool met = bytes > 0;
  for (const Row& row : rows) {
    met = met && row.OfBudget() <= 1;
    if (json) {
      out[row.name] = {{"count", row.times.ns.size()},
                       {"median_ns", row.times.At(0.5)},
                       {"p99_ns", row.times.At(0.99)},
                       {"budget_ratio", row.OfBudget()},
                       {"hmac_ratio", row.times.At(0.5) / hmac_ns}};
    } else {
      fmt::print(
          "{:<28}{:>7} times, median {:>7.0f} ns, p99 {:>7.0f} ns, {:.2f} of the budget, {:.1f} x the HMAC alone\n",
          row.name, row.times.ns.size(), row.times.At(0.5), row.times.At(0.99), row.OfBudget(),
          row.times.At(0.5) / hmac_ns);
    }
  }
  if (json) {
    out["hmac_ns"] = hmac_ns;
    fmt::print("{}\n", boost::json::serialize(out));
  } else {
    fmt::print("the HMAC alone: {:.0f} ns; the ledger holds {} decisions, the full one {} more that have ended\n",
               hmac_ns, kDecisions, kEnded);
  }
  return met ? 0 : 1;
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  bool json = false;
  quantum::bench::CommandLine line("What an order costs beside waiting: decision to signed request, fill to ledger");
  line.AddJson(json);
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  return quantum::bench::Run(json);
}
