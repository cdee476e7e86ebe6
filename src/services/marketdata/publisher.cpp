#include "services/marketdata/publisher.h"

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/fiber/fiber.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"
#include "trading/bus/registry.h"

namespace quantum::marketdata {
namespace {

constexpr size_t kWaitingMax = 16 * 1024;

void CountDropped(const std::string& type) {
  metrics::GetCounter(metrics::kMarketEventsDropped, {{"event_type", type}}).Add();
}

}  // namespace

struct Publisher::Queue {
  struct Item {
    bus::Event event;
    std::string interval;  // of a candle
  };
  fiber::Channel<Item> events{kWaitingMax};
  fiber::Event done;
  bool overflowed = false;

  void Run(lifecycle::Service& service) {
    while (!events.closed() || events.size() > 0) {
      const std::optional<Item> item = events.PopFor(std::chrono::seconds(1));
      if (item) {
        const CorrelationScope scope(NewUuid(service.clock(), service.random()));
        Deliver(service, *item);
      }
      if (overflowed && events.size() < kWaitingMax / 2) {
        overflowed = false;
        service.SetDegraded("publish", "");
      }
    }
    done.Set();
  }

  void Deliver(lifecycle::Service& service, const Item& item) {
    const bus::Event& event = item.event;
    for (bool complained = false;;) {
      const Result<std::string> published = service.bus().Publish(event);
      if (published.ok() || published.error().code == Errc::kUnknownOutcome) {
        if (!item.interval.empty()) {
          metrics::GetCounter(metrics::kMarketKlines, {{"symbol", event.key}, {"interval", item.interval}}).Add();
        }
        return;  // unknown: it stays in the outbox and will be delivered
      }
      if (!std::exchange(complained, true)) {
        log::Warning("event not published yet", {{"type", event.type}, {"error", published.error().message}});
      }
      if (events.closed() || published.error().code == Errc::kInvalidArgument) {
        CountDropped(event.type);
        log::Error("event dropped", {{"type", event.type}, {"payload", log::Field::Json{event.payload}}});
        return;
      }
      fiber::SleepFor(std::chrono::milliseconds(500));
    }
  }
};

Publisher::Publisher(lifecycle::Service& service) : service_(service), queue_(std::make_shared<Queue>()) {
  for (const std::string_view type : {trading::event::kMarketKline, trading::event::kMarketGap}) {
    metrics::GetCounter(metrics::kMarketEventsDropped, {{"event_type", std::string(type)}});  // 0 shows in a scrape
  }
}

void Publisher::Start() {
  service_.loop().Spawn([queue = queue_, &service = service_] { queue->Run(service); });
}

void Publisher::Push(bus::Event event, std::string interval) {
  const std::string type = event.type;
  if (queue_->events.TryPush({std::move(event), std::move(interval)})) {
    return;
  }
  CountDropped(type);
  if (!queue_->events.closed() && !std::exchange(queue_->overflowed, true)) {
    service_.SetDegraded("publish", "the bus takes no events: candles are being dropped");
    log::Error("event queue is full: candles are being dropped", {{"waiting", queue_->events.size()}});
  }
}

void Publisher::Publish(const trading::event::Kline& kline) {
  Push(trading::event::Make(trading::event::kMarketKline, kline.symbol, ToJson(kline)), kline.interval);
}

void Publisher::Publish(const trading::event::Gap& gap) {
  Push(trading::event::Make(trading::event::kMarketGap, gap.symbol, ToJson(gap)), "");
}

void Publisher::Publish(const trading::event::Tick& tick) {
  const Result<std::string> published =
      service_.bus().Publish(trading::event::Make(trading::event::kMarketTick, tick.symbol, ToJson(tick)));
  if (!published.ok()) {
    log::Debug("tick not published", {{"symbol", tick.symbol}, {"error", published.error().message}});
  }
}

bool Publisher::Finish(Duration timeout) {
  queue_->events.Close();
  return queue_->done.WaitFor(timeout);
}

size_t Publisher::waiting() const { return queue_->events.size(); }

}  // namespace quantum::marketdata
