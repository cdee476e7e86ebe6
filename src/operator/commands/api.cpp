#include "operator/commands/api.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <optional>

#include "platform/config/secrets.h"
#include "platform/fiber/fiber.h"
#include "platform/http/client.h"

namespace quantum::operate {

namespace {

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

}  // namespace

Result<http::Response> CallService(const Running& running, const std::string& unit, const std::string& method,
                                   const std::string& path, const std::string& body, Duration timeout) {
  if (running.manifest.FindUnit(unit) == nullptr) {
    return Error{Errc::kNotFound, fmt::format("the manifest has no unit {}", unit)};
  }
  http::ClientRequest request;
  request.method = method;
  request.url =
      fmt::format("http://{}:{}{}", config::InUrl(running.manifest.AddressOf(unit)), running.manifest.Port(unit), path);
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
      http::Client client(loop);
      answer.emplace(client.Send(request));
    }
    loop.Stop();
  });
  loop.Run();
  if (!answer->ok()) {
    return answer->error().Within(fmt::format("{} does not answer", unit));
  }
  if ((*answer)->status / 100 != 2) {
    return Error{(*answer)->status == 404 ? Errc::kNotFound : Errc::kInternal,
                 fmt::format("{} answered {}: {}", unit, (*answer)->status, Complaint(answer->value()))};
  }
  return *answer;
}

}  // namespace quantum::operate
