#include "platform/http/message.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "platform/base/assert.h"
#include "platform/base/correlation.h"
#include "platform/http/text.h"
#include "platform/http/wire.h"

namespace quantum::http {

void Headers::Set(std::string name, std::string value) {
  for (auto& [existing, old] : all_) {
    if (EqualIgnoringCase(existing, name)) {
      old = std::move(value);
      return;
    }
  }
  Add(std::move(name), std::move(value));
}

void Headers::Add(std::string name, std::string value) { all_.emplace_back(std::move(name), std::move(value)); }

std::optional<std::string_view> Headers::Find(std::string_view name) const {
  for (const auto& [existing, value] : all_) {
    if (EqualIgnoringCase(existing, name)) {
      return value;
    }
  }
  return std::nullopt;
}

void Request::Clear() {
  method.clear();
  path.clear();
  target.clear();
  query.clear();
  headers.Clear();
  body.clear();
  parameters.clear();
  correlation_id.clear();
  remote_address.clear();
}

std::optional<std::string> Request::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) {
      return value;
    }
  }
  return std::nullopt;
}

const std::string& Request::Parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  QUANTUM_ASSERT(found != parameters.end());
  return found->second;
}

Response Problem(int status, std::string_view code, std::string_view detail) {
  boost::json::object body;
  body["type"] = "about:blank";
  body["title"] = ReasonPhrase(status);
  body["status"] = status;
  body["code"] = code;
  body["detail"] = detail;
  body["correlation_id"] = CurrentCorrelationId();
  return {.status = status,
          .body = boost::json::serialize(body),
          .content_type = "application/problem+json",
          .headers = {}};
}

Response Problem(const Error& error) {
  switch (error.code) {
    case Errc::kInvalidArgument:
      return Problem(400, "INVALID_ARGUMENT", error.message);
    case Errc::kPermission:
      return Problem(403, "PERMISSION", error.message);
    case Errc::kNotFound:
      return Problem(404, "NOT_FOUND", error.message);
    case Errc::kConflict:
      return Problem(409, "CONFLICT", error.message);
    case Errc::kExhausted:
      return Problem(429, "EXHAUSTED", error.message);
    case Errc::kUnavailable:
      return Problem(503, "UNAVAILABLE", error.message);
    case Errc::kCancelled:
      return Problem(503, "CANCELLED", error.message);
    case Errc::kTimeout:
      return Problem(504, "TIMEOUT", error.message);
    case Errc::kUnknownOutcome:
      return Problem(504, "UNKNOWN_OUTCOME", error.message);
    case Errc::kInternal:
      break;
  }
  return Problem(500, "INTERNAL", error.message);
}

Response Json(std::string body, int status) {
  return {.status = status, .body = std::move(body), .content_type = "application/json", .headers = {}};
}

}  // namespace quantum::http
