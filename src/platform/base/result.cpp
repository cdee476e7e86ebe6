#include "platform/base/result.h"

namespace quantum {

std::string_view ToString(Errc code) {
  switch (code) {
    case Errc::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case Errc::kNotFound:
      return "NOT_FOUND";
    case Errc::kConflict:
      return "CONFLICT";
    case Errc::kPermission:
      return "PERMISSION";
    case Errc::kUnavailable:
      return "UNAVAILABLE";
    case Errc::kTimeout:
      return "TIMEOUT";
    case Errc::kUnknownOutcome:
      return "UNKNOWN_OUTCOME";
    case Errc::kExhausted:
      return "EXHAUSTED";
    case Errc::kCancelled:
      return "CANCELLED";
    case Errc::kInternal:
      return "INTERNAL";
  }
  AssertionFailed("every Errc has a name", __FILE__, __LINE__);
}

Error Error::Within(std::string_view context) const { return {code, std::string(context) + ": " + message}; }

}  // namespace quantum
