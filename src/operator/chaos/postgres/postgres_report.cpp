#include "operator/chaos/postgres/postgres_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "operator/chaos/report.h"
#include "operator/table.h"

namespace quantum::operate::chaos {

namespace {

namespace json = boost::json;

double InSeconds(Duration time) { return std::chrono::duration<double>(time).count(); }

struct FaultRow {
  int rounds = 0;
  int counted = 0;
  uint64_t acknowledged = 0;
  uint64_t violations = 0;
  std::vector<double> first_commit, longest_pause, converged;  // s
};

std::map<std::string, FaultRow> RowsOf(const PostgresReport& report) {
  std::map<std::string, FaultRow> rows;
  for (const PostgresRound& round : report.rounds) {
    FaultRow& row = rows[round.fault];
    ++row.rounds;
    row.counted += round.Counts() ? 1 : 0;
    row.acknowledged += round.acknowledged;
    row.violations += round.found.total();
    if (round.first_commit) {
      row.first_commit.push_back(InSeconds(*round.first_commit));
    }
    row.longest_pause.push_back(InSeconds(round.longest_pause));
    row.converged.push_back(InSeconds(round.converged));
  }
  return rows;
}

double Middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

double Most(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

std::string MedianAndWorst(const std::vector<double>& values) {
  return values.empty() ? "-" : fmt::format("{:.2f} / {:.2f}", Middle(values), Most(values));
}

std::string InWords(const Violations& found) {
  return fmt::format("lost {}, doubled {}, money missing {}, invented {}, contradicted {}, by a deposed primary {}",
                     found.lost, found.doubled, found.missing_money, found.invented, found.contradicted, found.deposed);
}

json::object ToObject(const Violations& found) {
  return {{"lost", found.lost},         {"doubled", found.doubled},           {"missing_money", found.missing_money},
          {"invented", found.invented}, {"contradicted", found.contradicted}, {"deposed", found.deposed}};
}

json::array ToList(const std::vector<std::string>& words) { return json::array(words.begin(), words.end()); }

}  // namespace

bool PostgresRound::Counts() const { return trouble.empty() && acknowledged >= kAcknowledgedLeast && in_flight > 0; }

bool PostgresReport::Good() const {
  return trouble.empty() && found.total() == 0 && !rounds.empty() &&
         std::all_of(rounds.begin(), rounds.end(), [](const PostgresRound& round) { return round.Counts(); });
}

std::vector<std::string> PostgresReport::Doubts() const {
  std::vector<std::string> doubts;
  for (const auto& [fault, row] : RowsOf(*this)) {
    if (static_cast<uint64_t>(row.counted) < kStrikesLeast) {
      doubts.push_back(fmt::format("{} struck {} of {} times", fault, row.counted, kStrikesLeast));
    }
  }
  if (seen.found == 0) {
    doubts.emplace_back("no repeat found its first attempt committed, so nothing could be doubled");
  }
  return doubts;
}

std::string FormatRound(const PostgresRound& round) {
  std::string line = fmt::format(
      "{:<15} {} acknowledged, {} in flight; first commit after {}, longest pause {:.2f} s, whole again after {:.2f} s",
      round.fault, round.acknowledged, round.in_flight,
      round.first_commit ? fmt::format("{:.2f} s", InSeconds(*round.first_commit)) : "never",
      InSeconds(round.longest_pause), InSeconds(round.converged));
  if (round.found.total() != 0) {
    line += "; " + InWords(round.found);
  }
  if (!round.trouble.empty()) {
    line += "; " + round.trouble;
  } else if (!round.Counts()) {
    line += "; does not count";
  }
  return line;
}

std::string FormatReport(const PostgresReport& report) {
  std::vector<std::vector<std::string>> cells;
  for (const auto& [fault, row] : RowsOf(report)) {
    cells.push_back({fault, fmt::format("{}/{}", row.counted, row.rounds), std::to_string(row.acknowledged),
                     MedianAndWorst(row.first_commit), MedianAndWorst(row.longest_pause), MedianAndWorst(row.converged),
                     std::to_string(row.violations)});
  }
  std::string text =
      "Times in seconds, median / worst: from the fault to the first commit, the longest pause between two commits, "
      "from the healing to a primary with a standby.\n" +
      FormatTable({"FAULT", "ROUNDS", "ACKNOWLEDGED", "FIRST COMMIT", "PAUSE", "WHOLE AGAIN", "VIOLATIONS"}, cells);
  const Seen& seen = report.seen;
  text += fmt::format(
      "{}: {} acknowledged, {} refused, {} indeterminate; {} acknowledged by a repeat, {} of them committed before; "
      "{}; seed {}\n",
      report.Good() ? "GOOD" : "BAD", seen.acknowledged, seen.refused, seen.unknown, seen.repeated, seen.found,
      InWords(report.found), report.seed);
  return text + FormatRemarks(report.examples, report.Doubts(), report.left_out, report.trouble);
}

std::string ToJson(const PostgresReport& report) {
  json::array rounds;
  for (const PostgresRound& round : report.rounds) {
    rounds.push_back(
        {{"round", round.number},
         {"fault", round.fault},
         {"counts", round.Counts()},
         {"acknowledged", round.acknowledged},
         {"in_flight", round.in_flight},
         {"first_commit_seconds", round.first_commit ? json::value(InSeconds(*round.first_commit)) : json::value()},
         {"longest_pause_seconds", InSeconds(round.longest_pause)},
         {"whole_again_seconds", InSeconds(round.converged)},
         {"violations", ToObject(round.found)},
         {"trouble", round.trouble}});
  }
  json::array table;
  for (const auto& [fault, row] : RowsOf(report)) {
    table.push_back({{"fault", fault},
                     {"rounds", row.rounds},
                     {"counted", row.counted},
                     {"acknowledged", row.acknowledged},
                     {"first_commit_seconds_median", Middle(row.first_commit)},
                     {"first_commit_seconds_worst", Most(row.first_commit)},
                     {"longest_pause_seconds_median", Middle(row.longest_pause)},
                     {"longest_pause_seconds_worst", Most(row.longest_pause)},
                     {"whole_again_seconds_median", Middle(row.converged)},
                     {"whole_again_seconds_worst", Most(row.converged)},
                     {"violations", row.violations}});
  }
  return json::serialize(json::object{{"seed", report.seed},
                                      {"good", report.Good()},
                                      {"doubts", ToList(report.Doubts())},
                                      {"acknowledged", report.seen.acknowledged},
                                      {"refused", report.seen.refused},
                                      {"indeterminate", report.seen.unknown},
                                      {"repeated", report.seen.repeated},
                                      {"found_committed", report.seen.found},
                                      {"violations", ToObject(report.found)},
                                      {"table", std::move(table)},
                                      {"rounds", std::move(rounds)},
                                      {"examples", ToList(report.examples)},
                                      {"left_out", ToList(report.left_out)},
                                      {"trouble", report.trouble}}) +
         "\n";
}

}  // namespace quantum::operate::chaos
