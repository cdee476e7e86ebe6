#include "operator/chaos/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <optional>

#include "operator/table.h"

namespace quantum::operate::chaos {

namespace {

namespace json = boost::json;
using Time = std::optional<int64_t>;

struct Row {
  int rounds = 0;
  int counted = 0;
  std::vector<int64_t> accepted, stored, delivered;  // ns
  uint64_t acknowledged = 0, lost = 0, doubled = 0, disordered = 0, redelivered = 0, largest_lag = 0;
};

std::map<std::string, Row> ByFault(const Report& report) {
  std::map<std::string, Row> rows;
  for (const Round& round : report.rounds) {
    Row& row = rows[round.fault];
    ++row.rounds;
    row.counted += round.Counts() ? 1 : 0;
    const auto add = [](std::vector<int64_t>& times, const Time& time) {
      if (time) {
        times.push_back(*time);
      }
    };
    add(row.accepted, round.measured.accepted);
    add(row.stored, round.measured.stored);
    add(row.delivered, round.measured.delivered);
    row.acknowledged += round.measured.acknowledged;
    row.lost += round.lost;
    row.doubled += round.doubled;
    row.disordered += round.disordered;
    row.redelivered += round.redelivered;
    row.largest_lag = std::max(row.largest_lag, round.measured.largest_lag);
  }
  return rows;
}

double Seconds(int64_t ns) { return static_cast<double>(ns) / 1e9; }
std::string Words(const Time& time) { return time ? fmt::format("{:.2f} s", Seconds(*time)) : "never"; }

Time Median(std::vector<int64_t> times) {
  if (times.empty()) {
    return std::nullopt;
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

Time Worst(const std::vector<int64_t>& times) {
  return times.empty() ? std::nullopt : Time(*std::max_element(times.begin(), times.end()));
}

std::string Pair(const std::vector<int64_t>& times) {
  return times.empty() ? "-" : fmt::format("{:.2f} / {:.2f}", Seconds(*Median(times)), Seconds(*Worst(times)));
}

json::value ToValue(const Time& time) { return time ? json::value(Seconds(*time)) : json::value(); }

json::object ToObject(const Round& round) {
  return {{"round", round.number},
          {"fault", round.fault},
          {"counts", round.Counts()},
          {"acknowledged", round.measured.acknowledged},
          {"in_flight", round.measured.in_flight},
          {"first_accepted_seconds", ToValue(round.measured.accepted)},
          {"first_stored_seconds", ToValue(round.measured.stored)},
          {"first_delivered_seconds", ToValue(round.measured.delivered)},
          {"largest_lag", round.measured.largest_lag},
          {"converged_seconds", Seconds(round.converged_ns)},
          {"lost", round.lost},
          {"doubled", round.doubled},
          {"disordered", round.disordered},
          {"redelivered", round.redelivered},
          {"trouble", round.trouble}};
}

json::object ToObject(const Verdict& verdict) {
  return {{"good", verdict.good()},
          {"acknowledged", verdict.acknowledged},
          {"failed", verdict.failed},
          {"indeterminate", verdict.indeterminate},
          {"delivered", verdict.delivered},
          {"redelivered", verdict.redelivered},
          {"stored_twice", verdict.stored_twice},
          {"lost", verdict.lost},
          {"doubled", verdict.doubled},
          {"disordered", verdict.disordered},
          {"misplaced", verdict.misplaced},
          {"invented", verdict.invented},
          {"contradicted", verdict.contradicted}};
}

json::array ToArray(const std::vector<std::string>& words) { return json::array(words.begin(), words.end()); }

}  // namespace

bool Round::Counts() const {
  return trouble.empty() && measured.acknowledged >= kAcknowledgedLeast && measured.in_flight > 0;
}

bool Report::Good() const {
  return trouble.empty() && verdict.good() && !rounds.empty() &&
         std::all_of(rounds.begin(), rounds.end(), [](const Round& round) { return round.Counts(); });
}

std::vector<std::string> Report::Doubts() const {
  std::vector<std::string> doubts;
  for (const auto& [fault, row] : ByFault(*this)) {
    if (static_cast<uint64_t>(row.counted) < kStrikesLeast) {
      doubts.push_back(fmt::format("{} struck {} of {} times", fault, row.counted, kStrikesLeast));
    }
  }
  if (verdict.redelivered == 0) {
    doubts.push_back("nothing was delivered again, so nothing could be doubled");
  }
  return doubts;
}

std::string FormatRound(const Round& round) {
  std::string line = fmt::format(
      "{:<16} {} acknowledged, {} in flight; accepted after {}, in the stream {}, delivered {}; lag {}; lost {}, "
      "doubled {}, out of order {}, delivered again {}",
      round.fault, round.measured.acknowledged, round.measured.in_flight, Words(round.measured.accepted),
      Words(round.measured.stored), Words(round.measured.delivered), round.measured.largest_lag, round.lost,
      round.doubled, round.disordered, round.redelivered);
  if (!round.trouble.empty()) {
    line += "; " + round.trouble;
  } else if (!round.Counts()) {
    line += "; does not count";
  }
  return line;
}

std::string FormatRemarks(const std::vector<std::string>& examples, const std::vector<std::string>& doubts,
                          const std::vector<std::string>& left_out, const std::string& trouble) {
  std::string text;
  for (const std::string& example : examples) {
    text += "  " + example + "\n";
  }
  if (!doubts.empty()) {
    text += fmt::format("too short a run for a proof: {}\n", fmt::join(doubts, ", "));
  }
  for (const std::string& each : left_out) {
    text += "left out: " + each + "\n";
  }
  if (!trouble.empty()) {
    text += "ended early: " + trouble + "\n";
  }
  return text;
}

std::string FormatReport(const Report& report) {
  std::vector<std::vector<std::string>> cells;
  for (const auto& [fault, row] : ByFault(report)) {
    cells.push_back({fault, fmt::format("{}/{}", row.counted, row.rounds), Pair(row.accepted), Pair(row.stored),
                     Pair(row.delivered), std::to_string(row.lost), std::to_string(row.doubled),
                     std::to_string(row.disordered), std::to_string(row.redelivered), std::to_string(row.largest_lag)});
  }
  std::string text = "Times in seconds from the fault, median / worst.\n" +
                     FormatTable({"FAULT", "ROUNDS", "ACCEPTED", "STORED", "DELIVERED", "LOST", "DOUBLED", "DISORDERED",
                                  "REDELIVERED", "LARGEST LAG"},
                                 cells);
  const Verdict& verdict = report.verdict;
  text += fmt::format(
      "{}: {} acknowledged, {} refused, {} indeterminate; {} delivered, {} of them again; lost {}, doubled {}, out of "
      "order {} (groups) and {} (streams), invented {}, contradicted {}; seed {}\n",
      report.Good() ? "GOOD" : "BAD", verdict.acknowledged, verdict.failed, verdict.indeterminate, verdict.delivered,
      verdict.redelivered, verdict.lost, verdict.doubled, verdict.disordered, verdict.misplaced, verdict.invented,
      verdict.contradicted, report.seed);
  return text + FormatRemarks(report.examples, report.Doubts(), report.left_out, report.trouble);
}

std::string ToJson(const Report& report) {
  json::array rounds;
  for (const Round& round : report.rounds) {
    rounds.push_back(ToObject(round));
  }
  json::array table;
  for (const auto& [fault, row] : ByFault(report)) {
    table.push_back({{"fault", fault},
                     {"rounds", row.rounds},
                     {"counted", row.counted},
                     {"acknowledged", row.acknowledged},
                     {"first_accepted_seconds_median", ToValue(Median(row.accepted))},
                     {"first_accepted_seconds_worst", ToValue(Worst(row.accepted))},
                     {"first_stored_seconds_median", ToValue(Median(row.stored))},
                     {"first_stored_seconds_worst", ToValue(Worst(row.stored))},
                     {"first_delivered_seconds_median", ToValue(Median(row.delivered))},
                     {"first_delivered_seconds_worst", ToValue(Worst(row.delivered))},
                     {"lost", row.lost},
                     {"doubled", row.doubled},
                     {"disordered", row.disordered},
                     {"redelivered", row.redelivered},
                     {"largest_lag", row.largest_lag}});
  }
  return json::serialize(json::object{{"seed", report.seed},
                                      {"good", report.Good()},
                                      {"doubts", ToArray(report.Doubts())},
                                      {"verdict", ToObject(report.verdict)},
                                      {"table", std::move(table)},
                                      {"rounds", std::move(rounds)},
                                      {"examples", ToArray(report.examples)},
                                      {"left_out", ToArray(report.left_out)},
                                      {"trouble", report.trouble}}) +
         "\n";
}

}  // namespace quantum::operate::chaos
