#pragma once

#include <cstddef>
#include <string_view>

#include "platform/base/clock.h"
#include "platform/base/result.h"

// What the pool tells the metrics and the log.
namespace quantum::postgres {

enum class Operation { kQuery, kBatch, kTransaction, kConnect };

// Counts an operation and its duration. error is null when it succeeded.
void Report(Operation operation, const Error* error, Duration duration);

// A WARNING with the text of the first of so many statements; parameters are not even passed here.
void ReportSlow(std::string_view sql, size_t statements, Duration duration);

}  // namespace quantum::postgres
