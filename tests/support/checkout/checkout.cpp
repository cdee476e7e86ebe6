#include "tests/support/checkout/checkout.h"

namespace quantum::checkout {

std::string SourceDirectory() { return QUANTUM_SOURCE_DIR; }

std::string BinaryDirectory() { return QUANTUM_BINARY_DIR; }

}  // namespace quantum::checkout
