#pragma once

#include <string>
#include <string_view>

#include "exchange/paper/engine/records.h"
#include "platform/base/result.h"

namespace quantum::paper {

// One line of JSON, without a newline.
std::string EncodeRecord(const Record& record);
Result<Record> DecodeRecord(std::string_view line);

}  // namespace quantum::paper
