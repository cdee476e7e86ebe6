#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace quantum::bench {

// The options of a benchmark, by CLI11, which only this library compiles: it costs each program that includes it more
// than all else in it. What values point to outlives Parse.
class CommandLine {
 public:
  using Number = std::variant<int*, int64_t*, uint64_t*, double*>;
  // Without bounds; several numbers are given as A,B,…
  using Value = std::variant<uint64_t*, std::string*, std::vector<std::string>*, std::vector<double>*>;

  explicit CommandLine(const std::string& description);
  ~CommandLine();

  // A name without dashes is a positional one.
  void Add(const std::string& name, Number value, double least, double most, const std::string& meaning = {});
  void Add(const std::string& name, Value value, const std::string& meaning);
  void AddFlag(const std::string& name, bool& value, const std::string& meaning);  // "!--no-it": takes it back
  void AddJson(bool& json) { AddFlag("--json", json, "one JSON object instead of a table"); }
  // Precondition: both were added.
  void Needs(const std::string& name, const std::string& other);
  void Excludes(const std::string& name, const std::string& other);

  // Nothing: go on. Else the exit code: help was asked for and printed, or something was wrong, which is told.
  std::optional<int> Parse(int argc, char** argv);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantum::bench
