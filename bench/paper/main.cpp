#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>
#include <optional>
#include <vector>

#include "client.h"
#include "common_options.h"
#include "exchange/paper/protocol/parameters.h"
#include "platform/base/clock.h"
#include "server_under_test.h"
#include "subscribers.h"
#include "tests/support/paper_exchange.h"

// Orders over HTTP: how many signed orders a second the paper exchange takes, each on disk before its answer, with one
// core for it and one for the load, beside a bare service of ours under the same load in the same run. Then so many
// subscribers of its market streams: each must get everything. Exit code 1 below a goal.
namespace quantum::bench {
namespace {

constexpr double kGoalPerSecond = 5'000;

struct Options : CommonOptions {
  int connections = 64;
  int subscribers = 1'000;
  double seconds = 5;
  std::string binaries = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
  std::string services = "  paper-exchange: {limits: 10000, wallet: \"100000000\"}\n";
};

struct Report {
  LoadResult bare;
  LoadResult filled;
  LoadResult resting;
  SubscribersResult audience;

  bool Met() const {
    return filled.requests_per_second >= kGoalPerSecond && resting.requests_per_second >= kGoalPerSecond &&
           audience.Complete();
  }
};

class Orders {
 public:
  Orders(const testing::PaperExchangeProcess& exchange, int connections)
      : rests_(static_cast<size_t>(connections)),
        head_(fmt::format(" HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nX-MBX-APIKEY: {}\r\nContent-Length: 0\r\n\r\n",
                          exchange.port(), exchange.key())),
        secret_(exchange.secret()) {}

  // Market orders that buy and sell in turn.
  std::string Filled() {
    const char* side = ++sent_ % 2 == 0 ? "SELL" : "BUY";
    return Signed("POST", "/fapi/v1/order", fmt::format("symbol=ETHUSDT&side={}&type=MARKET&quantity=0.040", side));
  }
  // Each connection places a limit order far from the market and cancels it, in turn. Both are counted.
  std::string RestingOrCancelled(int connection) {
    auto rests = rests_[static_cast<size_t>(connection)];
    rests = !rests;
    if (!rests) {
      return Signed("DELETE", "/fapi/v1/order", fmt::format("symbol=ETHUSDT&origClientOrderId=bench-{}", connection));
    }
    return Signed("POST", "/fapi/v1/order",
                  fmt::format("symbol=ETHUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.040&price={}"
                              "&newClientOrderId=bench-{}",
                              price_, connection));
  }
  void set_price(std::string price) { price_ = std::move(price); }

 private:
  std::string Signed(const char* method, const char* path, std::string query) const {
    query += fmt::format("&timestamp={}", ToUnixMs(SystemClock().Now()));
    const std::string signature = paper::HmacSha256Hex(secret_, query);
    return fmt::format("{} {}?{}&signature={}{}", method, path, query, signature, head_);
  }

  std::vector<bool> rests_;  // by connection: whether its order is placed
  std::string head_;
  std::string secret_;
  std::string price_;
  int64_t sent_ = 0;
};

std::string PriceBelowTheMarket(int port) {
  const auto body = testing::HttpGet(port, "/fapi/v1/ticker/bookTicker?symbol=ETHUSDT");
  const double bid = std::stod(std::string(boost::json::parse(body.value()).at("bidPrice").as_string()));
  return fmt::format("{:.2f}", bid * 0.97);
}

Result<Report> Measure(const Options& options) {
  Report report;
  {
    QUANTUM_TRY(const auto service, StartService(options.server_core));
    PinToCore(options.load_core);
    const std::string request = fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", kPath, service->port());
    QUANTUM_TRY(report.bare,
                RunLoad(service->port(), options.connections, options.seconds, [&](int) { return request; }));
  }
  PinToCore(options.server_core);
  testing::PaperExchangeProcess exchange(options.binaries, "", options.services);
  exchange.Start();
  PinToCore(options.load_core);
  Orders orders(exchange, options.connections);
  QUANTUM_TRY(report.filled,
              RunLoad(exchange.port(), options.connections, options.seconds, [&](int) { return orders.Filled(); }));
  orders.set_price(PriceBelowTheMarket(exchange.port()));
  QUANTUM_TRY(report.resting, RunLoad(exchange.port(), options.connections, options.seconds,
                                      [&](int connection) { return orders.RestingOrCancelled(connection); }));
  QUANTUM_TRY(report.audience, RunSubscribers(exchange.port(), options.subscribers, "btcusdt", options.seconds));
  return report;
}

boost::json::object ToJson(const LoadResult& result, const LoadResult& bare) {
  return {{"requests_per_second", result.requests_per_second},
          {"p50_ms", result.p50_ms},
          {"p99_ms", result.p99_ms},
          {"ratio", result.requests_per_second / bare.requests_per_second},
          {"goal_ratio", result.requests_per_second / kGoalPerSecond}};
}

boost::json::object ToJson(const SubscribersResult& result) {
  return {{"subscribers", result.subscribers},
          {"messages_per_second", result.messages_per_second},
          {"gaps", result.gaps},
          {"behind", result.behind},
          {"lag_p50_ms", result.lag_p50_ms},
          {"lag_p99_ms", result.lag_p99_ms},
          {"lag_max_ms", result.lag_max_ms}};
}

void Print(const Options& options, const Report& report) {
  if (options.json) {
    const boost::json::object out{{"benchmark", "paper"},
                                  {"conditions", {{"connections", options.connections}, {"seconds", options.seconds}}},
                                  {"bare", ToJson(report.bare, report.bare)},
                                  {"filled", ToJson(report.filled, report.bare)},
                                  {"resting", ToJson(report.resting, report.bare)},
                                  {"subscribers", ToJson(report.audience)}};
    fmt::print("{}\n", boost::json::serialize(out));
    return;
  }
  fmt::print("Signed orders over HTTP, {} connections, one server core, {} s each\n\n", options.connections,
             options.seconds);
  fmt::print("{:<30} {:>12} {:>10} {:>10} {:>10}\n", "full load", "requests/s", "p50 ms", "p99 ms", "of bare");
  const auto row = [&](const char* name, const LoadResult& result) {
    fmt::print("{:<30} {:>12.0f} {:>10.2f} {:>10.2f} {:>10.2f}\n", name, result.requests_per_second, result.p50_ms,
               result.p99_ms, result.requests_per_second / report.bare.requests_per_second);
  };
  row("bare service", report.bare);
  row("market orders, filled", report.filled);
  row("limit orders and cancellations", report.resting);
  const SubscribersResult& audience = report.audience;
  fmt::print(
      "\n{} subscribers of trades and depth: {:.0f} messages/s, {} gaps, {} left behind; "
      "event to arrival p50 {:.1f}, p99 {:.1f}, max {:.1f} ms\n",
      audience.subscribers, audience.messages_per_second, audience.gaps, audience.behind, audience.lag_p50_ms,
      audience.lag_p99_ms, audience.lag_max_ms);
  fmt::print("\n{:.2f} and {:.2f} of the goal of {:.0f}/s, every subscriber complete: {}\n",
             report.filled.requests_per_second / kGoalPerSecond, report.resting.requests_per_second / kGoalPerSecond,
             kGoalPerSecond, report.Met() ? "met" : "missed");
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  using namespace quantum::bench;
  Options options;
  CommandLine line("How many orders a second the paper exchange takes over HTTP, against a bare service");
  line.Add("--connections", &options.connections, 1, 199, "kept-alive connections");
  line.Add("--seconds", &options.seconds, 1.0, 600.0, "length of each part");
  line.Add("--subscribers", &options.subscribers, 1, 4000, "of the market streams");
  line.Add("--binaries", &options.binaries, "where quantum-paper-exchange stands");
  options.AddTo(line);
  return Run(line, argc, argv, options, Measure, Print);
}
