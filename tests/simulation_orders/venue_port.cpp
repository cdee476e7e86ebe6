#include "tests/simulation_orders/venue_port.h"

namespace quantum::orders_simulation {

using exchange::Outcome;
using exchange::VenueOrder;

template <class T>
T VenuePort::Ask(bool writes, T unanswered, std::function<T(VenueModel&, bool visible)> question) {
  struct Call {
    explicit Call(T unheard) : answer(std::move(unheard)) {}
    T answer;
    fiber::Event done;
  };
  const auto call = std::make_shared<Call>(std::move(unanswered));
  network_.Send({.life = life_,
                 .since = network_.clock().Steady(),
                 .carry_out = [call, question = std::move(question),
                               &venue = network_.venue()](bool visible) { call->answer = question(venue, visible); },
                 .give_up =
                     [call, unheard = call->answer] {
                       call->answer = unheard;
                       call->done.Set();
                     },
                 .arrive = [call] { call->done.Set(); },
                 .writes = writes});
  call->done.Wait();
  return call->answer;
}

Outcome VenuePort::Place(const exchange::NewOrder& order) {
  if (network_.link_down) {
    network_.visits().Count(Visit::kNotSent);
    return exchange::Rejected{0, "not connected"};
  }
  const WallTime signed_for = network_.VenueNow();
  on_send(order, signed_for);
  const auto place = [order, signed_for, window = receive_window_, &network = network_](VenueModel& venue, bool) {
    return venue.Place(order, signed_for, window, network.VenueNow());
  };
  const Outcome outcome = Ask<Outcome>(true, exchange::Unknown{"timeout", signed_for}, place);
  if (std::holds_alternative<exchange::Unknown>(outcome)) {
    network_.visits().Count(Visit::kUnknown);
    if (!rules_.asks_unknown) {
      return Place(order);
    }
  }
  return outcome;
}

Status VenuePort::Cancel(const std::string&, const std::string& client_order_id, bool conditional) {
  if (network_.link_down) {
    return Error{Errc::kUnavailable, "not connected"};
  }
  on_cancel(client_order_id);
  return Ask<Status>(true, Error{Errc::kUnknownOutcome, "timeout"}, [=, &network = network_](VenueModel& venue, bool) {
    return venue.Cancel(client_order_id, conditional, network.VenueNow());
  });
}

Result<VenueOrder> VenuePort::Find(const std::string&, const std::string& client_order_id, bool conditional) {
  return Ask<Result<VenueOrder>>(false, Error{Errc::kTimeout, "timeout"}, [=](VenueModel& venue, bool visible) {
    return venue.Find(client_order_id, conditional, visible);
  });
}

Result<std::vector<VenueOrder>> VenuePort::OpenOrders() {
  return Ask<Result<std::vector<VenueOrder>>>(
      false, Error{Errc::kTimeout, "timeout"},
      [](VenueModel& venue, bool) -> Result<std::vector<VenueOrder>> { return venue.OpenOrders(); });
}

Result<std::vector<VenueOrder>> VenuePort::OpenOrdersOf(const std::vector<std::string>&) { return OpenOrders(); }

Result<std::vector<trading::Fill>> VenuePort::FillsUnnamed(const std::string& symbol, int64_t from) {
  return Ask<Result<std::vector<trading::Fill>>>(
      false, Error{Errc::kTimeout, "timeout"},
      [=](VenueModel& venue, bool visible) -> Result<std::vector<trading::Fill>> {
        auto fills = venue.Fills(symbol, from);
        for (trading::Fill& fill : fills) {
          if (!visible) {
            fill.client_order_id.clear();  // who gave the order could not be asked
          }
        }
        return fills;
      });
}

Result<std::vector<trading::Fill>> VenuePort::Fills(const std::string& symbol, int64_t from) {
  return FillsUnnamed(symbol, from);
}

Result<std::vector<exchange::FundingPayment>> VenuePort::Funding(WallTime from) {
  return Ask<Result<std::vector<exchange::FundingPayment>>>(
      false, Error{Errc::kTimeout, "timeout"},
      [=](VenueModel& venue, bool) -> Result<std::vector<exchange::FundingPayment>> { return venue.Funding(from); });
}

Result<std::vector<exchange::VenuePosition>> VenuePort::Positions() {
  return Ask<Result<std::vector<exchange::VenuePosition>>>(
      false, Error{Errc::kTimeout, "timeout"},
      [](VenueModel& venue, bool) -> Result<std::vector<exchange::VenuePosition>> { return venue.Positions(); });
}

}  // namespace quantum::orders_simulation
