#pragma once

#include <string_view>

// The status page's files (folder page/), built into the program.
namespace quantum::monitoring_health::page {

extern const std::string_view kHtml;
extern const std::string_view kScript;
extern const std::string_view kStyle;

}  // namespace quantum::monitoring_health::page
