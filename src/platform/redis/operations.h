#pragma once

#include <string_view>

#include "platform/base/clock.h"

namespace quantum::redis {

enum class Outcome { kOk, kError, kUnavailable, kUnknown };

// Counts one command and its time. The label `operation` is the command's name if it is one we use, else "other".
void CountOperation(std::string_view command, Outcome outcome, Duration elapsed);

}  // namespace quantum::redis
