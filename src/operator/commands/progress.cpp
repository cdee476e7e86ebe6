#include "operator/commands/progress.h"

#include <unistd.h>

#include <algorithm>

#include "operator/output.h"

namespace quantum::operate {

std::function<void(int)> ShowPercent(const Context& context) {
  if (context.json) {
    return [](int) {};
  }
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  return [terminal, next = 0](int percent) mutable {
    if (terminal) {
      PrintError("\r  {:>3} %{}", percent, percent >= 100 ? "\n" : "");
    } else if (percent >= next) {
      PrintError("  {:>3} %\n", percent);
      next = percent / 10 * 10 + 10;
    }
  };
}

std::function<void(int64_t, int64_t)> ShowCount(const Context& context) {
  return [show = ShowPercent(context), last = -1](int64_t done, int64_t total) mutable {
    const int percent = static_cast<int>(std::min<int64_t>(100, done * 100 / std::max<int64_t>(total, 1)));
    if (percent > last) {
      show(percent);
      last = percent;
    }
  };
}

}  // namespace quantum::operate
