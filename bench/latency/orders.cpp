#include "bench/latency/orders.h"

#include <algorithm>
#include <cstdlib>

#include "platform/bus/codec.h"
#include "trading/events.h"

namespace quantum::bench {

namespace event = trading::event;

namespace {

constexpr const char* kPage = "500";
constexpr int64_t kNsPerMs = 1'000'000;

}  // namespace

OrderWatch::OrderWatch(redis::Client& redis, int64_t since_ms) : redis_(redis) {
  for (const std::string_view type : {event::kDecisionMade, event::kRiskApproved, event::kOrderPlaced}) {
    next_[bus::FamilyOf(type)] = std::to_string(since_ms);
  }
}

Status OrderWatch::Poll() {
  for (auto& [family, next] : next_) {
    QUANTUM_TRY(const redis::Reply page, redis_.Run({"XRANGE", bus::StreamKey(family), next, "+", "COUNT", kPage}));
    for (const redis::Reply& entry : page.elements) {
      QUANTUM_TRY(const auto events, bus::ParseEntry(entry.elements.at(1)));
      const std::string& id = entry.elements.at(0).text;
      for (const bus::Event& found : events) {
        OnEvent(found, std::atoll(id.c_str()));  // MILLISECONDS-NUMBER
      }
      next = "(" + id;
    }
  }
  return {};
}

void OrderWatch::OnEvent(const bus::Event& found, int64_t entry_ms) {
  Journey& journey = journeys_[found.correlation_id];
  if (found.type == event::kDecisionMade) {
    journey.decided_ns = found.timestamp_ns;
  } else if (found.type == event::kRiskApproved) {
    journey.approved_ns = found.timestamp_ns;
    journey.on_bus_ns = entry_ms * kNsPerMs;
  } else if (found.type == event::kRiskRejected) {
    journey.rejected = true;
  } else if (bus::FamilyOf(found.type) == bus::FamilyOf(event::kOrderPlaced) && journey.exchange_ns == 0) {
    const auto order = event::ParseOrderUpdate(found.payload);
    const bool first = order.ok() && (order->leg == trading::Leg::kEntry || order->leg == trading::Leg::kClose);
    if (first && !order->exchange_order_id.empty()) {
      journey.exchange_ns = order->time * kNsPerMs;
      journey.reported_ns = found.timestamp_ns;
    }
  }
}

std::vector<Journey> OrderWatch::Complete() const {
  std::vector<Journey> complete;
  for (const auto& [id, journey] : journeys_) {
    if (journey.complete()) {
      complete.push_back(journey);
    }
  }
  return complete;
}

size_t OrderWatch::decisions() const {
  return static_cast<size_t>(
      std::ranges::count_if(journeys_, [](const auto& each) { return each.second.decided_ns > 0; }));
}

size_t OrderWatch::rejected() const {
  return static_cast<size_t>(std::ranges::count_if(journeys_, [](const auto& each) { return each.second.rejected; }));
}

}  // namespace quantum::bench
