#include "operator/chaos/checker.h"

#include <fmt/format.h>

#include <algorithm>

#include "platform/base/assert.h"

namespace quantum::operate::chaos {

namespace {

constexpr size_t kNotesMax = 100;

}  // namespace

bool Checker::Operation::Seen() const {
  return stored || std::any_of(applied.begin(), applied.end(), [](bool each) { return each; });
}

Checker::Checker(std::vector<std::string> groups) : groups_(std::move(groups)) {}

Checker::Operation& Checker::Find(const Record& record) {
  QUANTUM_ASSERT(record.operation > 0);
  auto& operations = operations_[record.producer];
  if (operations.size() < record.operation) {
    operations.resize(record.operation);
  }
  Operation& operation = operations[record.operation - 1];
  operation.applied.resize(groups_.size());
  operation.delivered.resize(groups_.size());
  return operation;
}

void Checker::Add(const Record& record) {
  Operation& operation = Find(record);
  switch (record.kind) {
    case Record::Kind::kStarted:
      if (operation.outcome == Outcome::kNone) {
        operation.outcome = Outcome::kStarted;
        ++unresolved_;
        verdict_.invented -= operation.Seen() ? 1 : 0;
      }
      return;
    case Record::Kind::kOk:
      return Resolve(record, operation, Outcome::kOk);
    case Record::Kind::kFailed:
      return Resolve(record, operation, Outcome::kFailed);
    case Record::Kind::kUnknown:
      return Resolve(record, operation, Outcome::kUnknown);
    case Record::Kind::kDelivered:
      ++verdict_.delivered;
      verdict_.redelivered += operation.delivered[IndexOf(record.group)] ? 1 : 0;
      operation.delivered[IndexOf(record.group)] = true;
      return;
    case Record::Kind::kApplied:
      return Apply(record, operation);
    case Record::Kind::kStored:
      return Store(record, operation);
  }
}

void Checker::Resolve(const Record& record, Operation& operation, Outcome outcome) {
  if (operation.outcome != Outcome::kStarted) {
    Note(record, "has an outcome without a start, or two");
    ++verdict_.contradicted;
    return;
  }
  --unresolved_;
  operation.outcome = outcome;
  switch (outcome) {
    case Outcome::kOk:
      ++verdict_.acknowledged;
      verdict_.lost += static_cast<uint64_t>(std::count(operation.applied.begin(), operation.applied.end(), false));
      return;
    case Outcome::kFailed:
      ++verdict_.failed;
      if (operation.Seen()) {
        ++verdict_.contradicted;
        Note(record, "was refused and was taken all the same");
      }
      return;
    default:
      ++verdict_.indeterminate;
  }
}

void Checker::Apply(const Record& record, Operation& operation) {
  const size_t group = IndexOf(record.group);
  if (operation.applied[group]) {
    ++verdict_.doubled;
    Note(record, "took effect again");
    return;
  }
  const bool seen = operation.Seen();
  operation.applied[group] = true;
  verdict_.lost -= operation.outcome == Outcome::kOk ? 1 : 0;
  verdict_.invented += operation.outcome == Outcome::kNone && !seen ? 1 : 0;
  if (operation.outcome == Outcome::kFailed && !seen) {
    ++verdict_.contradicted;
    Note(record, "was refused and took effect");
  }
  uint64_t& last = last_applied_[{record.group + "/" + record.producer, record.stream, record.key}];
  if (record.operation < last) {
    ++verdict_.disordered;
    Note(record, "took effect after a later one of its key");
  }
  last = std::max(last, record.operation);
}

void Checker::Store(const Record& record, Operation& operation) {
  if (operation.stored) {
    ++verdict_.stored_twice;
    return;
  }
  const bool seen = operation.Seen();
  operation.stored = true;
  verdict_.invented += operation.outcome == Outcome::kNone && !seen ? 1 : 0;
  if (operation.outcome == Outcome::kFailed && !seen) {
    ++verdict_.contradicted;
    Note(record, "was refused and stands in the stream");
  }
  uint64_t& last = last_stored_[{record.producer, record.stream, ""}];
  if (record.operation < last) {
    ++verdict_.misplaced;
    Note(record, "stands in its stream behind a later one of its producer");
  }
  last = std::max(last, record.operation);
}

void Checker::Note(const Record& record, const char* what) {
  if (notes_.size() < kNotesMax) {
    notes_.push_back(fmt::format("{} {} of {} {}{}{}", record.stream.empty() ? "operation" : record.stream,
                                 record.operation, record.producer, what, record.group.empty() ? "" : ", in ",
                                 record.group));
  }
}

size_t Checker::IndexOf(const std::string& group) const {
  const auto found = std::find(groups_.begin(), groups_.end(), group);
  QUANTUM_ASSERT(found != groups_.end());
  return static_cast<size_t>(found - groups_.begin());
}

std::vector<std::string> Checker::Examples(size_t limit) const {
  std::vector<std::string> examples(notes_.begin(), notes_.begin() + static_cast<long>(std::min(limit, notes_.size())));
  for (const auto& [producer, operations] : operations_) {
    for (size_t i = 0; i < operations.size() && examples.size() < limit; ++i) {
      for (size_t group = 0; group < groups_.size(); ++group) {
        if (operations[i].outcome == Outcome::kOk && !operations[i].applied[group]) {
          examples.push_back(
              fmt::format("operation {} of {} was acknowledged and never reached {}", i + 1, producer, groups_[group]));
        }
      }
      if (operations[i].outcome == Outcome::kNone && operations[i].Seen()) {
        examples.push_back(fmt::format("operation {} of {} was published by nobody", i + 1, producer));
      }
    }
  }
  examples.resize(std::min(examples.size(), limit));
  return examples;
}

}  // namespace quantum::operate::chaos
