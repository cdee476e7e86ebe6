#include "operator/chaos/orders/orders_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "operator/chaos/report.h"
#include "operator/table.h"

namespace quantum::operate::chaos {

namespace {

namespace json = boost::json;

double ToSeconds(Duration time) { return std::chrono::duration<double>(time).count(); }

struct OrdersRow {
  int rounds = 0;
  int counted = 0;
  uint64_t acknowledged = 0;
  uint64_t in_flight = 0;
  OrderViolations found;
  std::vector<double> converged;
};

OrderViolations Sum(const OrderViolations& a, const OrderViolations& b) {
  return {a.doubled + b.doubled,
          a.fills + b.fills,
          a.unprotected + b.unprotected,
          a.after_trip + b.after_trip,
          a.balance + b.balance,
          a.invented + b.invented,
          a.lost + b.lost,
          a.differences + b.differences};
}

std::map<std::string, OrdersRow> OrdersRowsOf(const OrdersReport& report) {
  std::map<std::string, OrdersRow> rows;
  for (const OrdersRound& round : report.rounds) {
    OrdersRow& row = rows[round.fault];
    ++row.rounds;
    row.counted += round.Counts() ? 1 : 0;
    row.acknowledged += round.acknowledged;
    row.in_flight += round.in_flight;
    row.found = Sum(row.found, round.found);
    row.converged.push_back(ToSeconds(round.converged));
  }
  return rows;
}

double MiddleOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

double MostOf(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

std::string ViolationsInWords(const OrderViolations& found) {
  return fmt::format(
      "orders doubled {}, fills lost or doubled {}, positions unprotected {}, entries after a trip {}, balance {}, "
      "invented {}, lost {}, other differences {}",
      found.doubled, found.fills, found.unprotected, found.after_trip, found.balance, found.invented, found.lost,
      found.differences);
}

json::object ViolationsObject(const OrderViolations& found) {
  return {{"doubled", found.doubled},
          {"fills", found.fills},
          {"unprotected", found.unprotected},
          {"after_trip", found.after_trip},
          {"balance", found.balance},
          {"invented", found.invented},
          {"lost", found.lost},
          {"differences", found.differences}};
}

}  // namespace

OrderViolations Beyond(const OrderViolations& now, const OrderViolations& before) {
  const auto more = [](uint64_t a, uint64_t b) { return a > b ? a - b : 0; };
  return {more(now.doubled, before.doubled),
          more(now.fills, before.fills),
          more(now.unprotected, before.unprotected),
          more(now.after_trip, before.after_trip),
          more(now.balance, before.balance),
          more(now.invented, before.invented),
          more(now.lost, before.lost),
          more(now.differences, before.differences)};
}

bool OrdersRound::Counts() const { return trouble.empty() && acknowledged >= kDecisionsLeast && in_flight > 0; }

int OrdersReport::Counted() const {
  return static_cast<int>(std::ranges::count_if(rounds, [](const OrdersRound& round) { return round.Counts(); }));
}

bool OrdersReport::Good() const { return trouble.empty() && found.total() == 0 && asked > 0 && Counted() >= asked; }

Duration OrdersReport::UnprotectedLongest() const {
  Duration longest{};
  for (const OrdersRound& round : rounds) {
    longest = std::max(longest, round.unprotected);
  }
  return longest;
}

std::vector<std::string> OrdersReport::Doubts() const {
  std::vector<std::string> doubts;
  for (const auto& [fault, row] : OrdersRowsOf(*this)) {
    if (static_cast<uint64_t>(row.counted) < kStrikesLeast) {
      doubts.push_back(fmt::format("{} struck {} of {} times", fault, row.counted, kStrikesLeast));
    }
  }
  return doubts;
}

std::string FormatRound(const OrdersRound& round) {
  std::string line = fmt::format(
      "{:<17} {} decisions acknowledged ({:.1f}/s before it), {} orders in flight; both sides the same after {:.1f} s; "
      "without a stop {:.1f} s at most",
      round.fault, round.acknowledged, round.per_second, round.in_flight, ToSeconds(round.converged),
      ToSeconds(round.unprotected));
  if (round.found.total() != 0) {
    line += "; " + ViolationsInWords(round.found);
  }
  if (!round.trouble.empty()) {
    line += "; " + round.trouble;
  } else if (!round.Counts()) {
    line += "; does not count";
  }
  return line;
}

std::string FormatReport(const OrdersReport& report) {
  std::vector<std::vector<std::string>> cells;
  for (const auto& [fault, row] : OrdersRowsOf(report)) {
    cells.push_back({fault, fmt::format("{}/{}", row.counted, row.rounds), std::to_string(row.acknowledged),
                     std::to_string(row.in_flight),
                     fmt::format("{:.1f} / {:.1f}", MiddleOf(row.converged), MostOf(row.converged)),
                     std::to_string(row.found.doubled), std::to_string(row.found.fills),
                     std::to_string(row.found.total() - row.found.doubled - row.found.fills)});
  }
  std::string text =
      "Seconds from the stop of the load until both sides told the same, median / worst.\n" +
      FormatTable({"FAULT", "ROUNDS", "DECISIONS", "IN FLIGHT", "THE SAME", "DOUBLED", "FILLS", "OTHER"}, cells);
  text += fmt::format(
      "{}: {} of {} rounds count; {} decisions, {} approved, {} orders at the exchange; {}; longest without a stop "
      "{:.1f} s; seed {}\n",
      report.Good() ? "GOOD" : "BAD", report.Counted(), report.asked, report.decisions, report.approved, report.orders,
      ViolationsInWords(report.found), ToSeconds(report.UnprotectedLongest()), report.seed);
  return text + FormatRemarks(report.examples, report.Doubts(), report.left_out, report.trouble);
}

std::string ToJson(const OrdersReport& report) {
  json::array rounds;
  for (const OrdersRound& round : report.rounds) {
    rounds.push_back({{"round", round.number},
                      {"fault", round.fault},
                      {"counts", round.Counts()},
                      {"acknowledged", round.acknowledged},
                      {"in_flight", round.in_flight},
                      {"decisions_per_second", round.per_second},
                      {"converged_seconds", ToSeconds(round.converged)},
                      {"unprotected_longest_seconds", ToSeconds(round.unprotected)},
                      {"violations", ViolationsObject(round.found)},
                      {"trouble", round.trouble}});
  }
  json::array table;
  for (const auto& [fault, row] : OrdersRowsOf(report)) {
    table.push_back({{"fault", fault},
                     {"rounds", row.rounds},
                     {"counted", row.counted},
                     {"acknowledged", row.acknowledged},
                     {"in_flight", row.in_flight},
                     {"converged_seconds_median", MiddleOf(row.converged)},
                     {"converged_seconds_worst", MostOf(row.converged)},
                     {"violations", ViolationsObject(row.found)}});
  }
  const std::vector<std::string> doubts = report.Doubts();
  return json::serialize(json::object{{"seed", report.seed},
                                      {"good", report.Good()},
                                      {"rounds_asked", report.asked},
                                      {"rounds_counted", report.Counted()},
                                      {"doubts", json::array(doubts.begin(), doubts.end())},
                                      {"left_out", json::array(report.left_out.begin(), report.left_out.end())},
                                      {"decisions", report.decisions},
                                      {"approved", report.approved},
                                      {"orders", report.orders},
                                      {"unprotected_longest_seconds", ToSeconds(report.UnprotectedLongest())},
                                      {"violations", ViolationsObject(report.found)},
                                      {"table", std::move(table)},
                                      {"rounds", std::move(rounds)},
                                      {"examples", json::array(report.examples.begin(), report.examples.end())},
                                      {"trouble", report.trouble}}) +
         "\n";
}

}  // namespace quantum::operate::chaos
