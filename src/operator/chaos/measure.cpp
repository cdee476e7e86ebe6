#include "operator/chaos/measure.h"

#include <algorithm>
#include <map>
#include <set>

namespace quantum::operate::chaos {

namespace {

using Name = std::pair<std::string_view, uint64_t>;  // producer, operation
using Firsts = std::map<std::string_view, int64_t>;  // by producer or group

// When the last of them had its first; nothing if one never had.
std::optional<int64_t> Slowest(const Firsts& firsts, const std::vector<std::string>& names, int64_t struck_ns) {
  int64_t slowest = struck_ns;
  for (const std::string& name : names) {
    const auto found = firsts.find(name);
    if (found == firsts.end()) {
      return std::nullopt;
    }
    slowest = std::max(slowest, found->second);
  }
  return slowest - struck_ns;
}

}  // namespace

Measured Measure(std::vector<Record> records, int64_t struck_ns, const std::vector<std::string>& producers,
                 const std::vector<std::string>& groups) {
  std::stable_sort(records.begin(), records.end(),
                   [](const Record& left, const Record& right) { return left.at_ns < right.at_ns; });
  Measured measured;
  std::map<Name, int64_t> started;
  for (const Record& record : records) {
    if (record.kind == Record::Kind::kStarted) {
      started[{record.producer, record.operation}] = record.at_ns;
    }
  }
  const auto start_of = [&](const Record& record) {
    const auto found = started.find({record.producer, record.operation});
    return found == started.end() ? int64_t{0} : found->second;
  };
  std::set<Name> in_flight;
  Firsts accepted;
  Firsts delivered;
  std::map<std::string_view, std::set<Name>> applied;  // by group
  std::set<Name> acknowledged;
  std::map<std::string_view, uint64_t> ahead;  // applied before its acknowledgement was recorded
  for (const Record& record : records) {
    const Name name{record.producer, record.operation};
    const bool since = start_of(record) >= struck_ns;
    if (record.kind != Record::Kind::kStarted && record.kind != Record::Kind::kStored && !since &&
        record.at_ns > struck_ns && started.contains(name)) {
      in_flight.insert(name);
    }
    switch (record.kind) {
      case Record::Kind::kOk:
        acknowledged.insert(name);
        if (since) {
          accepted.emplace(record.producer, record.at_ns);
        }
        for (const std::string& group : groups) {
          ahead[group] -= applied[group].contains(name) ? 1 : 0;
        }
        break;
      case Record::Kind::kApplied:
        ahead[record.group] += acknowledged.contains(name) ? 0 : 1;
        applied[record.group].insert(name);
        if (since) {
          delivered.emplace(record.group, record.at_ns);
        }
        break;
      case Record::Kind::kStored:
        if (since && (!measured.stored || record.at_ns - struck_ns < *measured.stored)) {
          measured.stored = std::max<int64_t>(record.at_ns - struck_ns, 0);
        }
        break;
      default:
        break;
    }
    for (const std::string& group : groups) {
      const uint64_t done = applied[group].size() - ahead[group];
      measured.largest_lag = std::max<uint64_t>(measured.largest_lag, acknowledged.size() - done);
    }
  }
  measured.acknowledged = acknowledged.size();
  measured.in_flight = in_flight.size();
  measured.accepted = Slowest(accepted, producers, struck_ns);
  measured.delivered = Slowest(delivered, groups, struck_ns);
  return measured;
}

}  // namespace quantum::operate::chaos
