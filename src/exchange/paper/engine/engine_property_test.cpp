#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "exchange/paper/engine/engine.h"
#include "exchange/paper/engine/record_codec.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;

constexpr int64_t kNow = 1'700'000'000'000;

// Random operations and a random market; whatever they were, the books of the account must balance.
class Run {
 public:
  // A small wallet is liquidated now and then.
  explicit Run(Decimal wallet) : wallet_(wallet), engine_({"BTCUSDT"}, Opened(wallet)) {
    BookReset reset{"BTCUSDT", {1, {}, {}}};
    for (int i = 0; i < 30; ++i) {
      reset.snapshot.bids.push_back({Price(-i), "0.05"_dec});
      reset.snapshot.asks.push_back({Price(1 + i), "0.05"_dec});
    }
    engine_.OnMarket({0, reset}, kNow);
  }

  static Account Opened(Decimal wallet) {
    Account account;
    account.Apply(WalletOpened{wallet});
    return account;
  }
  static Decimal Price(int offset) { return Decimal::FromRaw(("60000"_dec).raw() + offset * ("0.1"_dec).raw()); }

  void Step() {
    const Side side = *rc::gen::arbitrary<bool>() ? Side::kBuy : Side::kSell;
    const Decimal quantity = Decimal::FromRaw(*rc::gen::inRange(1, 80) * ("0.001"_dec).raw());
    const int offset = *rc::gen::inRange(-25, 26);
    now_ms_ += *rc::gen::inRange(0, 400);
    switch (*rc::gen::inRange(0, 19)) {
      case 0:
      case 1:
        Place(side, quantity, std::nullopt);
        break;
      case 2:
      case 3:
        Place(side, quantity, Price(offset));
        break;
      case 4:
        PlaceStop(side, quantity, Price(offset));
        break;
      case 5:
        if (!engine_.account().open_orders().empty()) {
          static_cast<void>(engine_.Cancel(*engine_.account().open_orders().begin(), now_ms_).ok());
        }
        break;
      case 6:
        Trade(Price(offset), quantity, side == Side::kBuy);
        break;
      case 7:
        MoveBook(offset, quantity);
        break;
      case 8:
      case 9:
        if (!engine_.account().open_orders().empty()) {
          const PaperOrder& order = *engine_.account().FindOrder(*engine_.account().open_orders().rbegin());
          static_cast<void>(engine_.Amend({order.order_id, order.side, quantity, Price(offset)}, now_ms_).ok());
        }
        break;
      case 10:
        static_cast<void>(engine_.SetCountdown("BTCUSDT", *rc::gen::inRange(0, 1000), now_ms_));
        break;
      case 11:
        engine_.OnTime(now_ms_);
        break;
      case 12:
        engine_.OnMarketTime(market_ms_ += *rc::gen::inRange(0, 12) * 3'600'000LL, now_ms_);
        break;
      case 13:
        static_cast<void>(engine_.SetLeverage("BTCUSDT", *rc::gen::inRange(1, 126), now_ms_).ok());
        break;
      case 14:
        static_cast<void>(engine_.SetMarginType("BTCUSDT", *rc::gen::arbitrary<bool>()));
        break;
      case 15:
      case 16:
        Jump(*rc::gen::inRange(-30'000, 30'001), quantity);
        break;
      default:
        engine_.SampleMarks(now_ms_);
    }
    for (Record& record : engine_.TakeOutput().records) {
      records_.push_back(std::move(record));
    }
  }

  bool Liquidated() const {
    const auto& orders = engine_.account().orders();
    return std::any_of(orders.begin(), orders.end(),
                       [](const auto& entry) { return entry.second.client_id.starts_with("autoclose-"); });
  }
  bool Funded() const { return !engine_.account().symbol("BTCUSDT").position.funding.is_zero(); }

  void Check() const {
    const Account& account = engine_.account();
    Decimal wallet = account.start();
    Decimal position;
    std::map<int64_t, Decimal> filled;
    for (const FundingSettled& funding : account.fundings()) {
      wallet -= funding.paid;
    }
    for (const PaperFill& fill : account.fills()) {
      RC_ASSERT(fill.liquidation_fee <= fill.fee);
      wallet += fill.realized_pnl - fill.fee;
      position += fill.side == Side::kBuy ? fill.quantity : -fill.quantity;
      filled[fill.order_id] += fill.quantity;
    }
    // To the last digit: start + realized - fees (those of liquidations among them) - funding.
    RC_ASSERT(account.wallet() == wallet);
    RC_ASSERT(!account.symbol("BTCUSDT").isolated_wallet.is_positive() ||
              !account.symbol("BTCUSDT").position.is_flat());
    CheckExposure();
    RC_ASSERT(account.symbol("BTCUSDT").position.quantity == position);
    for (const auto& [id, order] : account.orders()) {
      RC_ASSERT(order.filled == filled[id]);
      RC_ASSERT(order.filled <= order.quantity);
      RC_ASSERT((order.status == Execution::kFilled) == order.remaining().is_zero());
      RC_ASSERT(account.open_orders().contains(id) == IsOpen(order.status));
    }
    for (const auto& [id, algo] : account.algos()) {
      RC_ASSERT(algo.status != AlgoStatus::kTriggering);
      RC_ASSERT((algo.order_id != 0) ==
                (algo.status == AlgoStatus::kTriggered || algo.status == AlgoStatus::kFinished));
    }
    CheckReplay();
  }

 private:
  // The sums that margin is reckoned by are those of the open orders.
  void CheckExposure() const {
    Decimal buys;
    Decimal sells;
    int reduce_only = 0;
    for (int64_t id : engine_.account().open_orders()) {
      const PaperOrder& order = *engine_.account().FindOrder(id);
      reduce_only += order.reduce_only ? 1 : 0;
      if (!order.reduce_only) {
        (order.side == Side::kBuy ? buys : sells) += order.price.Times(order.remaining());
      }
    }
    RC_ASSERT(engine_.account().symbol("BTCUSDT").open_buys == buys);
    RC_ASSERT(engine_.account().symbol("BTCUSDT").open_sells == sells);
    RC_ASSERT(engine_.account().symbol("BTCUSDT").open_reduce_only == reduce_only);
  }
  // The records alone, through their text, give the same account.
  void CheckReplay() const {
    Account replayed = Opened(wallet_);
    for (const Record& record : records_) {
      const Result<Record> decoded = DecodeRecord(EncodeRecord(record));
      RC_ASSERT(decoded.ok());
      replayed.Apply(*decoded);
    }
    const Account& account = engine_.account();
    RC_ASSERT(replayed.wallet() == account.wallet());
    RC_ASSERT(replayed.fundings().size() == account.fundings().size());
    RC_ASSERT(replayed.symbol("BTCUSDT").isolated_wallet == account.symbol("BTCUSDT").isolated_wallet);
    RC_ASSERT(replayed.symbol("BTCUSDT").position.funding == account.symbol("BTCUSDT").position.funding);
    RC_ASSERT(replayed.open_orders() == account.open_orders());
    RC_ASSERT(replayed.open_algos() == account.open_algos());
    RC_ASSERT(replayed.fills().size() == account.fills().size());
    RC_ASSERT(replayed.next_order_id() == account.next_order_id());
    RC_ASSERT(replayed.next_priority() == account.next_priority());
    RC_ASSERT(replayed.countdowns().size() == account.countdowns().size());
    RC_ASSERT(replayed.symbol("BTCUSDT").position.entry_price == account.symbol("BTCUSDT").position.entry_price);
  }

  void Place(Side side, Decimal quantity, std::optional<Decimal> price) {
    OrderRequest request;
    request.symbol = "BTCUSDT";
    request.side = side;
    request.market = !price;
    request.quantity = quantity;
    request.price = price.value_or(Decimal());
    request.reduce_only = *rc::gen::inRange(0, 4) == 0;
    request.self_trade = *rc::gen::element(SelfTradePrevention::kExpireTaker, SelfTradePrevention::kExpireMaker,
                                           SelfTradePrevention::kExpireBoth, SelfTradePrevention::kNone);
    request.time_in_force =
        *rc::gen::element(TimeInForce::kGtc, TimeInForce::kIoc, TimeInForce::kFok, TimeInForce::kGtx);
    if (request.market) {
      request.time_in_force = TimeInForce::kGtc;
    }
    static_cast<void>(engine_.Place(request, now_ms_).ok());
  }
  void PlaceStop(Side side, Decimal quantity, Decimal trigger) {
    AlgoRequest request;
    request.symbol = "BTCUSDT";
    request.side = side;
    request.type = *rc::gen::element("STOP_MARKET", "TAKE_PROFIT_MARKET", "STOP", "TRAILING_STOP_MARKET");
    request.activate_price = *rc::gen::arbitrary<bool>() ? trigger : Decimal();
    request.callback_rate = "0.1"_dec;
    request.quantity = quantity;
    request.trigger_price = trigger;
    request.price = trigger;
    request.reduce_only = *rc::gen::arbitrary<bool>();
    request.close_position = request.type.starts_with("T") ? false : *rc::gen::inRange(0, 4) == 0;
    request.on_mark_price = *rc::gen::arbitrary<bool>();
    static_cast<void>(engine_.PlaceAlgo(request, now_ms_).ok());
  }
  // Never more is filled than was traded.
  void Trade(Decimal price, Decimal quantity, bool buyer_is_maker) {
    const size_t before = engine_.account().fills().size();
    engine_.OnMarket({0, MarketTrade{"BTCUSDT", ++trade_id_, price, quantity, buyer_is_maker, 0, 0}}, now_ms_);
    Decimal filled;
    for (size_t i = before; i < engine_.account().fills().size(); ++i) {
      const PaperFill& fill = engine_.account().fills()[i];
      filled += fill.maker && fill.side == (buyer_is_maker ? Side::kBuy : Side::kSell) ? fill.quantity : Decimal();
    }
    RC_ASSERT(filled <= quantity);
  }
  // Up to five percent, and the mark price follows.
  void Jump(int offset, Decimal quantity) {
    engine_.OnMarket(
        {0, BookTicker{"BTCUSDT", update_id_ + 5, {Price(offset), quantity}, {Price(offset + 1), quantity}, 0}},
        now_ms_);
    for (size_t i = 0; i < SymbolMarket::kMarkSamples; ++i) {
      engine_.SampleMarks(now_ms_);
    }
  }
  void MoveBook(int offset, Decimal quantity) {
    const int64_t id = update_id_ + 10;
    if (*rc::gen::arbitrary<bool>()) {
      engine_.OnMarket({0, BookTicker{"BTCUSDT", id - 5, {Price(offset), quantity}, {Price(offset + 1), quantity}, 0}},
                       kNow);
      return;
    }
    DepthUpdate update{"BTCUSDT", update_id_ + 1, id, update_id_, 0, {}, {}};
    (offset > 0 ? update.asks : update.bids).push_back({Price(offset), quantity});
    update_id_ = id;
    engine_.OnMarket({0, update}, kNow);
  }

  Decimal wallet_;
  Engine engine_;
  std::vector<Record> records_;
  int64_t update_id_ = 1;
  int64_t trade_id_ = 0;
  int64_t now_ms_ = kNow;
  int64_t market_ms_ = kNow;
};

RC_GTEST_PROP(Engine, KeepsWalletPositionAndOrdersBalancedWhateverHappens, ()) {
  Run run(*rc::gen::element("10000"_dec, "150"_dec));
  const int steps = *rc::gen::inRange(1, 120);
  for (int i = 0; i < steps; ++i) {
    run.Step();
  }
  run.Check();
  RC_CLASSIFY(run.Liquidated(), "liquidated");
  RC_CLASSIFY(run.Funded(), "paid funding");
}

}  // namespace
}  // namespace quantum::paper
