#include "tests/simulation_orders/network.h"

#include <algorithm>

namespace quantum::orders_simulation {

void Network::Deliver(Choices& choices) {
  if (parcels_.empty()) {
    return;
  }
  const auto at = parcels_.begin() + static_cast<std::ptrdiff_t>(choices.Below(parcels_.size()));
  const std::shared_ptr<Parcel> parcel = *at;
  if (parcel->carry_out) {
    const uint64_t before = venue_.accepted_count();
    std::exchange(parcel->carry_out, nullptr)(!choices.OneIn(4));
    if (parcel->abandoned && venue_.accepted_count() > before) {
      visits_.Count(parcel->life == life_ ? Visit::kOrphanRequest : Visit::kOrphanOfTheDead);
    }
    if (!parcel->abandoned && choices.OneIn(3)) {
      return;  // its answer is on its way
    }
  }
  // What was carried out may have sent more.
  std::erase(parcels_, parcel);
  if (!parcel->abandoned) {
    parcel->arrive();
  }
}

Network::Pool::iterator Network::AnyReport(Choices& choices) {
  const auto reports = std::ranges::count_if(parcels_, [](const auto& parcel) { return parcel->is_report; });
  if (reports == 0) {
    return parcels_.end();
  }
  auto skip = choices.Below(static_cast<uint64_t>(reports));
  return std::ranges::find_if(parcels_, [&](const auto& parcel) { return parcel->is_report && skip-- == 0; });
}

void Network::LoseReport(Choices& choices) {
  if (const auto report = AnyReport(choices); report != parcels_.end()) {
    visits_.Count(Visit::kReportLost);
    parcels_.erase(report);
  }
}

void Network::RepeatReport(Choices& choices) {
  if (const auto report = AnyReport(choices); report != parcels_.end()) {
    visits_.Count(Visit::kReportRepeated);
    parcels_.push_back(std::make_shared<Parcel>(**report));
  }
}

void Network::DropReports() {
  std::erase_if(parcels_, [](const auto& parcel) { return parcel->is_report; });
}

void Network::GiveUp(Pool::iterator at, bool arrives_late) {
  const std::shared_ptr<Parcel> parcel = *at;
  const bool stays = parcel->writes && parcel->carry_out && arrives_late;
  if (!stays) {
    parcels_.erase(at);
  }
  parcel->abandoned = true;
  parcel->give_up();
}

void Network::GiveUp(Choices& choices) {
  const auto waits = [](const auto& parcel) { return !parcel->is_report && !parcel->abandoned; };
  const auto waiting = std::ranges::count_if(parcels_, waits);
  if (waiting == 0) {
    return;
  }
  auto skip = choices.Below(static_cast<uint64_t>(waiting));
  GiveUp(std::ranges::find_if(parcels_, [&](const auto& parcel) { return waits(parcel) && skip-- == 0; }),
         !choices.OneIn(3));
}

void Network::GiveUpOlderThan(Duration age) {
  const auto is_late = [&](const auto& parcel) {
    return !parcel->is_report && !parcel->abandoned && clock_.Steady() - parcel->since > age;
  };
  for (auto late = std::ranges::find_if(parcels_, is_late); late != parcels_.end();
       late = std::ranges::find_if(parcels_, is_late)) {
    GiveUp(late, true);
  }
}

void Network::EndLife(uint64_t life) {
  life_ = life + 1;
  std::erase_if(parcels_, [&](const auto& parcel) {
    return parcel->life == life && (parcel->is_report || !parcel->writes || !parcel->carry_out);
  });
  for (const auto& parcel : parcels_) {
    parcel->abandoned = true;
  }
}

size_t Network::orphans() const {
  return static_cast<size_t>(std::ranges::count_if(parcels_, [](const auto& parcel) { return parcel->abandoned; }));
}

}  // namespace quantum::orders_simulation
