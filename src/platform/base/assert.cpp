#include "platform/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace quantum {

void AssertionFailed(std::string_view expression, std::string_view file, int line) {
  std::fprintf(stderr, "assertion failed: %.*s at %.*s:%d\n", static_cast<int>(expression.size()), expression.data(),
               static_cast<int>(file.size()), file.data(), line);
  std::abort();
}

}  // namespace quantum
