#include "services/marketdata/publisher.h"

#include "platform/fiber/fiber.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"
#include "trading/bus/registry.h"

namespace quantum::marketdata {
namespace {

constexpr size_t kWaitingMax = 16 * 1024;

}  // namespace

struct Publisher::Queue {
  fiber::Channel<bus::Event> events{kWaitingMax};
  fiber::Event done;
  bool overflowed = false;

  void Run(lifecycle::Service& service) {
    while (!events.closed() || events.size() > 0) {
      std::optional<bus::Event> event = events.PopFor(std::chrono::seconds(1));
      if (event) {
        Deliver(service, *event);
      }
      if (overflowed && events.size() < kWaitingMax / 2) {
        overflowed = false;
        service.SetDegraded("publish", "");
      }
    }
    done.Set();
  }

  void Deliver(lifecycle::Service& service, const bus::Event& event) {
    for (bool complained = false;;) {
      const Result<std::string> published = service.bus().Publish(event);
      if (published.ok() || published.error().code == Errc::kUnknownOutcome) {
        return;  // unknown: it stays in the outbox and will be delivered
      }
      if (!std::exchange(complained, true)) {
        log::Warning("event not published yet", {{"type", event.type}, {"error", published.error().message}});
      }
      if (events.closed() || published.error().code == Errc::kInvalidArgument) {
        log::Error("event dropped", {{"type", event.type}, {"payload", log::Field::Json{event.payload}}});
        return;
      }
      fiber::SleepFor(std::chrono::milliseconds(500));
    }
  }
};

Publisher::Publisher(lifecycle::Service& service) : service_(service), queue_(std::make_shared<Queue>()) {}

void Publisher::Start() {
  service_.loop().Spawn([queue = queue_, &service = service_] { queue->Run(service); });
}

void Publisher::Push(bus::Event event) {
  if (!queue_->events.TryPush(std::move(event)) && !queue_->events.closed() &&
      !std::exchange(queue_->overflowed, true)) {
    service_.SetDegraded("publish", "the bus takes no events: candles are being dropped");
    log::Error("event queue is full: candles are being dropped", {{"waiting", queue_->events.size()}});
  }
}

void Publisher::Publish(const trading::event::Kline& kline) {
  metrics::GetCounter(metrics::kMarketKlines, {{"symbol", kline.symbol}, {"interval", kline.interval}}).Add();
  Push(trading::event::Make(trading::event::kMarketKline, kline.symbol, ToJson(kline)));
}

void Publisher::Publish(const trading::event::Gap& gap) {
  Push(trading::event::Make(trading::event::kMarketGap, gap.symbol, ToJson(gap)));
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
