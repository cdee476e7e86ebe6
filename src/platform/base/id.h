#pragma once

#include <string>
#include <string_view>

#include "platform/base/clock.h"
#include "platform/base/random.h"

namespace quantum {

// A UUID of version 7 (RFC 9562): sorts by time, 36 characters.
std::string NewUuid(const Clock& clock = SystemClock(), Random& random = SystemRandom());

// 128 random bits as 32 hexadecimal digits: a process's incarnation, a fencing session.
std::string NewIncarnation(Random& random = SystemRandom());

// Whether the text may serve as a correlation id: [A-Za-z0-9-]{8,64}.
bool IsCorrelationId(std::string_view text);

}  // namespace quantum
