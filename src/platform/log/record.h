#pragma once

#include <source_location>
#include <string>
#include <string_view>

#include "platform/base/clock.h"
#include "platform/log/log.h"
#include "platform/log/masking.h"

namespace quantum::log {

struct Record {
  Level level = Level::kInfo;
  std::string_view message;
  Fields fields;
  std::source_location where;
  WallTime time;
  std::string_view correlation_id;
};

// The record as one line of JSON with its line break: the nine fields in their order, then the record's own. An own
// field that bears the name of one of the nine gets a '_' behind it.
std::string FormatRecord(const Masker& masker, std::string_view service, const Record& record);

// "Bar" of "void quantum::Foo<int>::Bar(int) const"; of a lambda the function it stands in.
std::string_view BareFunctionName(std::string_view signature);

// "order" of "/src/trading/order.cpp".
std::string_view FileStem(std::string_view path);

}  // namespace quantum::log
