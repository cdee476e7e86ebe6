// The matching core in memory: orders a second, with the given number of orders resting beside. Goal: 50,000.
#include <benchmark/benchmark.h>

#include "exchange/paper/engine/engine.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;

constexpr int64_t kNow = 1'700'000'000'000;
const char* const kSymbol = "BTCUSDT";

Decimal Price(int64_t ticks) { return Decimal::FromRaw(ticks * ("0.1"_dec).raw()); }

OrderRequest Request(Side side, bool market, Decimal price = Decimal()) {
  OrderRequest request;
  request.symbol = kSymbol;
  request.side = side;
  request.market = market;
  request.quantity = "0.002"_dec;
  request.price = price;
  return request;
}

// A book of 1,000 levels a side around 60000 that nobody can exhaust, and the resting orders some way below it.
class Desk {
 public:
  explicit Desk(int64_t resting) : engine_({kSymbol}, Opened()) {
    BookReset reset{kSymbol, {1, {}, {}}};
    for (int i = 0; i < 1000; ++i) {
      reset.snapshot.bids.push_back({Price(600'000 - i), "1000000"_dec});
      reset.snapshot.asks.push_back({Price(600'001 + i), "1000000"_dec});
    }
    engine_.OnMarket({0, reset}, kNow);
    for (int64_t i = 0; i < resting; ++i) {
      QUANTUM_ASSERT(engine_.Place(Request(Side::kBuy, false, Price(590'000 - i)), kNow).ok());
    }
    engine_.TakeOutput();
  }

  static Account Opened() {
    Account account;
    account.Apply(WalletOpened{"1000000000"_dec});
    return account;
  }
  int64_t Fill(Side side) {
    const auto placed = engine_.Place(Request(side, true), kNow);
    QUANTUM_ASSERT(placed.ok() && placed->status == Execution::kFilled);
    benchmark::DoNotOptimize(engine_.TakeOutput());
    return 1;
  }
  int64_t PlaceAndCancel(int64_t i) {
    const auto placed = engine_.Place(Request(Side::kBuy, false, Price(595'000 - i % 100)), kNow);
    QUANTUM_ASSERT(placed.ok());
    benchmark::DoNotOptimize(engine_.TakeOutput());
    QUANTUM_ASSERT(engine_.Cancel(placed->order_id, kNow).ok());
    benchmark::DoNotOptimize(engine_.TakeOutput());
    return 1;
  }

 private:
  Engine engine_;
};

void PlaceAndFill(benchmark::State& state) {
  Desk desk(state.range(0));
  int64_t orders = 0;
  for (auto _ : state) {
    orders += desk.Fill(orders % 2 == 0 ? Side::kBuy : Side::kSell);
  }
  state.SetItemsProcessed(orders);
}

void PlaceAndCancel(benchmark::State& state) {
  Desk desk(state.range(0));
  int64_t orders = 0;
  for (auto _ : state) {
    orders += desk.PlaceAndCancel(orders);
  }
  state.SetItemsProcessed(orders);
}

void Mixed(benchmark::State& state) {
  Desk desk(state.range(0));
  int64_t orders = 0;
  for (auto _ : state) {
    orders += orders % 4 < 2 ? desk.Fill(orders % 4 == 0 ? Side::kBuy : Side::kSell) : desk.PlaceAndCancel(orders);
  }
  state.SetItemsProcessed(orders);
}

// MAX_NUM_ORDERS is 200: with 199 resting there is room for the one that comes.
BENCHMARK(PlaceAndFill)->Arg(0)->Arg(199);
BENCHMARK(PlaceAndCancel)->Arg(0)->Arg(199);
BENCHMARK(Mixed)->Arg(199);

}  // namespace
}  // namespace quantum::paper

BENCHMARK_MAIN();
