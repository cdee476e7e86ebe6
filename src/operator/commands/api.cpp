#include "operator/commands/api.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <optional>

#include "platform/config/secrets.h"
#include "platform/fiber/fiber.h"
#include "platform/http/client.h"
#include "platform/lifecycle/unit_url.h"

namespace quantum::operate {

namespace {

constexpr std::chrono::milliseconds kAskMax(500);
constexpr std::chrono::seconds kHealthMax(2);  // its checks may take a second

// The `detail` of a problem (RFC 9457), or the text as it came.
std::string Complaint(const http::Response& response) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(response.body, error);
  if (!error && value.is_object()) {
    const boost::json::value* detail = value.as_object().if_contains("detail");
    if (detail != nullptr && detail->is_string()) {
      return std::string(detail->as_string());
    }
  }
  return response.body.substr(0, 200);
}

// Whatever it answers; `standbys`: of whom another may be asked instead.
Result<http::Response> Send(const Running& running, const std::string& unit, const std::string& method,
                            const std::string& path, const std::string& body, Duration timeout,
                            std::map<std::string, std::string> standbys) {
  if (running.manifest.FindUnit(unit) == nullptr) {
    return Error{Errc::kNotFound, fmt::format("the manifest has no unit {}", unit)};
  }
  http::ClientRequest request;
  request.method = method;
  request.url = lifecycle::UrlOf(running.manifest, unit, path);
  request.body = body;
  request.timeout = timeout;
  request.idempotent = method == "GET";
  if (method != "GET") {
    QUANTUM_TRY(const std::string token, config::ReadSecret(running.layout.Secrets(), config::kOperatorToken));
    request.headers.Set("Authorization", "Bearer " + token);
    request.headers.Set("Content-Type", "application/json");
  }
  fiber::Loop loop("command");
  std::optional<Result<http::Response>> answer;
  loop.Spawn([&] {
    {
      http::Client client(loop, {.standbys = std::move(standbys)});
      answer.emplace(client.Send(request));
    }
    loop.Stop();
  });
  loop.Run();
  if (!answer->ok()) {
    return answer->error().Within(fmt::format("{} does not answer", unit));
  }
  return *std::move(*answer);
}

boost::json::value Parse(const Result<http::Response>& answer) {
  boost::system::error_code error;
  boost::json::value value = answer.ok() ? boost::json::parse(answer->body, error) : boost::json::value();
  return error ? boost::json::value() : value;
}

}  // namespace

Result<http::Response> CallService(const Running& running, const std::string& unit, const std::string& method,
                                   const std::string& path, const std::string& body, Duration timeout) {
  QUANTUM_TRY(http::Response answer,
              Send(running, unit, method, path, body, timeout, lifecycle::StandbysOf(running.manifest)));
  if (answer.status / 100 != 2) {
    return Error{answer.status == 404 ? Errc::kNotFound : Errc::kInternal,
                 fmt::format("{} answered {}: {}", unit, answer.status, Complaint(answer))};
  }
  return answer;
}

boost::json::value AskJson(const Running& running, const std::string& unit, const std::string& path) {
  return Parse(CallService(running, unit, "GET", path, {}, kAskMax));
}

boost::json::value AskHealth(const Running& running, const std::string& unit) {
  return Parse(Send(running, unit, "GET", "/health", {}, kHealthMax, {}));
}

}  // namespace quantum::operate
