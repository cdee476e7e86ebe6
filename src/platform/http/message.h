#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/base/result.h"

namespace quantum::http {

// Headers in the order of the message; names compare case-insensitively.
class Headers {
 public:
  void Set(std::string name, std::string value);  // replaces
  void Add(std::string name, std::string value);
  std::optional<std::string_view> Find(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return all_; }
  void Clear() { all_.clear(); }  // keeps the memory

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

struct Request {
  std::string method;                                      // upper case
  std::string path;                                        // percent-decoded, without the query
  std::string target;                                      // as it was sent
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  Headers headers;
  std::string body;
  std::map<std::string, std::string> parameters;  // of the route's pattern: /orders/{id}
  std::string correlation_id;
  std::string remote_address;

  void Clear();  // for the next request of a connection; keeps the memory
  std::optional<std::string> Query(std::string_view name) const;
  const std::string& Parameter(const std::string& name) const;  // one that the pattern names
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  Headers headers;
  // For fault injection: the connection ends without an answer.
  bool dropped = false;
};

// application/problem+json (RFC 9457) with correlation_id. `code` is the machine-readable reason, such as NOT_LEADER.
Response Problem(int status, std::string_view code, std::string_view detail);
// The status and problem that an Error stands for (kInvalidArgument 400, kPermission 403, kNotFound 404, kConflict 409,
// kExhausted 429, kUnavailable and kCancelled 503, kTimeout and kUnknownOutcome 504, kInternal 500).
Response Problem(const Error& error);
Response Json(std::string body, int status = 200);

}  // namespace quantum::http
