#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "operator/chaos/checker.h"

namespace quantum::simulation {

// Keeps the history of a world and has it judged by the checker of the chaos runs. An operation is an event that
// somebody published; its number is its payload.
//
// Not a violation, as docs/event-bus.md says: what a disk held that was lost with it; a second effect in a later life
// of a consumer that has no inbox; an order across dead letters; the place of an event that Publish never returned for,
// when a copy of its disk has it too and may send it whenever that copy's process comes.
class Audit {
 public:
  // The plain group has no inbox.
  static constexpr const char* kLedger = "ledger";
  static constexpr const char* kPlain = "plain";

  Audit() : checker_({kLedger, kPlain}) {}

  // line: what keeps its order, one disk of one producer.
  uint64_t Publish(const std::string& line, const std::string& stream, const std::string& key);
  void Ok(uint64_t operation);
  void Refused(uint64_t operation);
  void DiskLost(uint64_t operation);
  void Copied(const std::string& line) { copied_.insert(line); }

  void Delivered(const std::string& group, uint64_t operation) { given_.push_back({group, operation, 0, false}); }
  void Applied(const std::string& group, uint64_t operation, uint64_t life) {
    given_.push_back({group, operation, life, true});
  }
  void Buried(const std::string& group, uint64_t operation) { buried_[group].insert(operation); }

  // At the end: what the streams hold, in order; what stands among the dead letters; then the verdict.
  void Stored(uint64_t operation) { stored_.push_back(operation); }
  void DeadLetter(const std::string& group, uint64_t operation) { dead_.push_back({group, operation, 0, true}); }
  const operate::chaos::Verdict& Close();
  std::vector<std::string> Examples() const { return checker_.Examples(10); }

 private:
  enum class Outcome { kNone, kOk, kRefused, kLost };
  struct Operation {
    std::string line;
    uint64_t number = 0;  // in its line
    std::string stream, key;
    Outcome outcome = Outcome::kNone;
    std::map<std::string, uint64_t> applied;  // by group: in which life
  };
  struct Given {
    std::string group;
    uint64_t operation = 0;
    uint64_t life = 0;
    bool applied = false;
  };
  bool HasPlace(const Operation& operation) const;
  void Tell(const Given& given);
  void Add(operate::chaos::Record::Kind kind, const Operation& operation, const std::string& group = {},
           const std::string& key = {});

  operate::chaos::Checker checker_;
  std::vector<Operation> operations_;
  std::map<std::string, uint64_t> numbers_;
  std::map<std::string, std::set<uint64_t>> buried_;
  std::set<std::string> copied_;
  std::vector<Given> given_;
  std::vector<uint64_t> stored_;
  std::vector<Given> dead_;
};

}  // namespace quantum::simulation
