#include "tests/simulation/audit.h"

namespace quantum::simulation {

using operate::chaos::Record;

namespace {

// A key that nothing else has, for what keeps no order.
std::string Alone(uint64_t operation) { return "#" + std::to_string(operation); }

}  // namespace

void Audit::Add(Record::Kind kind, const Operation& operation, const std::string& group, const std::string& key) {
  checker_.Add({.kind = kind,
                .producer = operation.line,
                .operation = operation.number,
                .group = group,
                .stream = operation.stream,
                .key = key.empty() ? operation.key : key});
}

uint64_t Audit::Publish(const std::string& line, const std::string& stream, const std::string& key) {
  operations_.push_back({.line = line, .number = ++numbers_[line], .stream = stream, .key = key, .applied = {}});
  Add(Record::Kind::kStarted, operations_.back());
  return operations_.size() - 1;
}

void Audit::Ok(uint64_t operation) {
  Outcome& outcome = operations_.at(operation).outcome;
  if (outcome == Outcome::kNone) {
    outcome = Outcome::kOk;
  }
}

void Audit::Refused(uint64_t operation) { operations_.at(operation).outcome = Outcome::kRefused; }
void Audit::DiskLost(uint64_t operation) { operations_.at(operation).outcome = Outcome::kLost; }

bool Audit::HasPlace(const Operation& operation) const {
  return operation.outcome == Outcome::kOk || !copied_.contains(operation.line);
}

void Audit::Tell(const Given& given) {
  Operation& operation = operations_.at(given.operation);
  if (!given.applied) {
    return Add(Record::Kind::kDelivered, operation, given.group);
  }
  const auto [before, first] = operation.applied.emplace(given.group, given.life);
  if (!first && given.group == kPlain && before->second != given.life) {
    return;
  }
  const bool keeps_order = HasPlace(operation) && !buried_[given.group].contains(given.operation);
  Add(Record::Kind::kApplied, operation, given.group, keeps_order ? operation.key : Alone(given.operation));
}

const operate::chaos::Verdict& Audit::Close() {
  for (const Given& given : given_) {
    Tell(given);
  }
  for (const uint64_t number : stored_) {
    if (HasPlace(operations_[number])) {
      Add(Record::Kind::kStored, operations_[number]);
    }
  }
  for (const Given& dead : dead_) {
    Operation& operation = operations_.at(dead.operation);
    if (operation.applied.emplace(dead.group, 0).second) {
      Add(Record::Kind::kApplied, operation, dead.group, Alone(dead.operation));
    }
  }
  for (const Operation& operation : operations_) {
    switch (operation.outcome) {
      case Outcome::kOk:
        Add(Record::Kind::kOk, operation);
        break;
      case Outcome::kRefused:
        Add(Record::Kind::kFailed, operation);
        break;
      default:
        Add(Record::Kind::kUnknown, operation);
        break;
    }
  }
  return checker_.verdict();
}

}  // namespace quantum::simulation
