#pragma once

#include <string>
#include <string_view>

#include "platform/base/result.h"

// Texts as zstd frames (RFC 8878) with their size and a checksum. Thread-safe.
namespace quantum::bus {

std::string Compress(std::string_view text);

// kInvalidArgument: not one whole frame that Compress made of at most so many bytes. Allocates no more than that.
Result<std::string> Decompress(std::string_view frame, size_t bytes_max);

}  // namespace quantum::bus
