#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/fuzz/target.h"

// For libFuzzer: the target named by QUANTUM_FUZZ_TARGET.
namespace {

const quantum::fuzz::Target& Chosen() {
  static const auto targets = quantum::fuzz::AllTargets();
  static const quantum::fuzz::Target* const chosen = [] {
    const char* const name = std::getenv("QUANTUM_FUZZ_TARGET");
    for (const auto& target : targets) {
      if (name != nullptr && std::string_view(name) == target.name) {
        return &target;
      }
    }
    std::fputs("QUANTUM_FUZZ_TARGET must be one of:", stderr);
    for (const auto& target : targets) {
      std::fprintf(stderr, " %s", target.name);
    }
    std::fputs("\n", stderr);
    std::exit(2);
  }();
  return *chosen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Chosen().run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
