#pragma once

#include <memory>

#include "platform/bus/bus.h"
#include "platform/lifecycle/service.h"
#include "trading/events.h"

namespace quantum::marketdata {

// Between the streams, which must not wait, and the bus, which makes durable events wait for the disk: a bounded queue
// and a fiber. An event that finds the queue full is dropped, counted (market_events_dropped_total) and named in
// /health (topic "publish", which monitoring raises as an alert): the gap shows in the candles.
class Publisher {
 public:
  explicit Publisher(lifecycle::Service& service);

  void Start();
  void Publish(const trading::event::Kline& kline);
  void Publish(const trading::event::Gap& gap);
  // Volatile: returns at once.
  void Publish(const trading::event::Tick& tick);
  // No more events; true when all that were taken are with the bus.
  bool Finish(Duration timeout);

  size_t waiting() const;

 private:
  struct Queue;
  void Push(bus::Event event, std::string interval);

  lifecycle::Service& service_;
  std::shared_ptr<Queue> queue_;
};

}  // namespace quantum::marketdata
