#include "operator/state/recorded_symbols.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "exchange/recording/recording.h"

namespace quantum::operate {

namespace {

constexpr int kLinesMax = 20'000;  // some seconds of market, in which every recorded symbol is heard of

Result<std::set<std::string>> SymbolsIn(const std::string& file, const std::vector<std::string>& symbols) {
  std::set<std::string> found;
  QUANTUM_TRY(exchange::Recording recording, exchange::Recording::Open(file));
  for (int lines = 0; lines < kLinesMax && found.size() < symbols.size(); ++lines) {
    QUANTUM_TRY(const auto line, recording.Next());
    if (!line) {
      break;
    }
    for (const std::string& symbol : symbols) {
      if (line->frame.find(fmt::format(R"("s":"{}")", symbol)) != std::string_view::npos) {
        found.insert(symbol);
      }
    }
  }
  return found;
}

}  // namespace

Result<std::vector<std::string>> RecordedSymbols(const std::string& source, const std::vector<std::string>& symbols) {
  if (!source.starts_with(kRecording)) {
    return symbols;
  }
  std::set<std::string> found;
  std::string_view rest = std::string_view(source).substr(kRecording.size());
  while (!rest.empty()) {
    const std::string_view file = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), file.size() + 1));
    QUANTUM_TRY(std::set<std::string> here, SymbolsIn(std::string(file), symbols));
    found.merge(here);
  }
  std::vector<std::string> recorded;
  for (const std::string& symbol : symbols) {
    if (found.empty() || found.contains(symbol)) {
      recorded.push_back(symbol);
    }
  }
  return recorded;
}

}  // namespace quantum::operate
