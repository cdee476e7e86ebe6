#include "platform/base/id.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace quantum {

std::string NewUuid(const Clock& clock, Random& random) {
  const uint64_t ms = static_cast<uint64_t>(ToUnixMs(clock.Now()));
  const uint64_t a = random.Next();
  const uint64_t b = random.Next();
  return fmt::format("{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}", ms >> 16, ms & 0xffff, a & 0xfff,
                     0x8000 | ((a >> 12) & 0x3fff), b & 0xffffffffffffULL);
}

std::string NewIncarnation(Random& random) { return fmt::format("{:016x}{:016x}", random.Next(), random.Next()); }

bool IsCorrelationId(std::string_view text) {
  return text.size() >= 8 && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
}

}  // namespace quantum
