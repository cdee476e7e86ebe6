#pragma once

#include <string>
#include <vector>

#include "operator/chaos/orders/orders_checker.h"
#include "platform/base/clock.h"

namespace quantum::operate::chaos {

constexpr uint64_t kDecisionsLeast = 50;  // acknowledged, for a round to count

struct OrdersRound {
  int number = 0;
  std::string fault;
  uint64_t acknowledged = 0;  // decisions whose orders the exchange has acknowledged
  uint64_t in_flight = 0;     // orders of decisions whose fate was open when the fault struck
  double per_second = 0;      // decisions acknowledged before the fault
  Duration converged{};       // from the stop of the load until both sides told the same
  Duration unprotected{};     // the longest that a position stood without a stop while the exchange answered
  OrderViolations found;      // beyond those of the rounds before
  std::string trouble;        // why it did not converge; empty: it did

  // It struck while something was under way, enough was acknowledged, and it converged.
  bool Counts() const;
};

struct OrdersReport {
  uint64_t seed = 0;
  int asked = 0;  // rounds that are to count
  std::vector<OrdersRound> rounds;
  uint64_t decisions = 0;
  uint64_t approved = 0;
  uint64_t orders = 0;  // plain ones, that the exchange has accepted
  OrderViolations found;
  std::vector<std::string> examples;
  std::vector<std::string> left_out;  // faults that this machine does not allow, and why
  std::string trouble;                // why the run ended early; empty: it did not

  int Counted() const;                      // rounds that count
  Duration UnprotectedLongest() const;      // of all rounds
  bool Good() const;                        // nothing violated, and as many rounds count as were asked for
  std::vector<std::string> Doubts() const;  // why a good run would be no proof. Empty: it would be
};

OrderViolations Beyond(const OrderViolations& now, const OrderViolations& before);
std::string FormatRound(const OrdersRound& round);     // a line
std::string FormatReport(const OrdersReport& report);  // the table by fault, and the verdict
std::string ToJson(const OrdersReport& report);

}  // namespace quantum::operate::chaos
