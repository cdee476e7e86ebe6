#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"

namespace quantum::operate {

// How the name of a market source that plays recordings begins; its files follow, separated by commas.
inline constexpr std::string_view kRecording = "recording:";

// Those of `symbols` that trade in the recordings of "recording:FILE[,FILE]", in their order; all of them for any other
// source, and when none is found (the paper exchange then says what is wrong with the file). Looks at the beginning of
// each file.
Result<std::vector<std::string>> RecordedSymbols(const std::string& source, const std::vector<std::string>& symbols);

}  // namespace quantum::operate
