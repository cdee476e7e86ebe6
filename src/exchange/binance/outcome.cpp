#include "exchange/binance/outcome.h"

#include "exchange/binance/json_fields.h"

namespace quantum::binance {
namespace {

bool LostTrack(int code) { return code == -1000 || code == -1001 || code == -1006 || code == -1007 || code == -4116; }

// Zero: the answer is not the venue's word.
Errc CodeOf(int status, int code) {
  if (IsLimited(status) || code == -1003 || code == -1015) {
    return Errc::kExhausted;
  }
  switch (code) {
    case -2011:
    case -2013:
      return Errc::kNotFound;
    case -1022:
    case -2014:
    case -2015:
      return Errc::kPermission;
    case 0:
    case -1000:
    case -1001:
    case -1006:
    case -1007:
    case -1021:
      return Errc::kUnavailable;
    default:
      return status >= 500 || status == 408 ? Errc::kUnavailable : Errc::kInvalidArgument;
  }
}

}  // namespace

bool IsLimited(int status) { return status == 429 || status == 418; }

std::optional<VenueError> ReadVenueError(std::string_view body) {
  const auto json = ParseJson(body, "answer");
  if (!json.ok() || !json->is_object()) {
    return std::nullopt;
  }
  JsonFields fields(json->get_object(), "answer");
  const int64_t code = fields.Int("code");
  VenueError error{static_cast<int>(code), fields.TextOr("msg", "")};
  if (!fields.ok() || code < -100'000 || code > 100'000) {
    return std::nullopt;
  }
  return error;
}

Classified Classify(const http::Response& response) {
  const int status = response.status;
  if (status >= 200 && status < 300) {
    return {Verdict::kAccepted, {}};
  }
  const std::optional<VenueError> venue = ReadVenueError(response.body);
  VenueError error = venue.value_or(VenueError{0, "HTTP " + std::to_string(status)});
  if (IsLimited(status)) {
    return {Verdict::kRejected, std::move(error)};
  }
  const bool refused =
      status >= 400 && status < 500 && status != 408 && venue && venue->code < 0 && !LostTrack(venue->code);
  return {refused ? Verdict::kRejected : Verdict::kUnknown, std::move(error)};
}

Classified Classify(const Error& error) {
  switch (error.code) {
    case Errc::kUnavailable:
    case Errc::kTimeout:
    case Errc::kExhausted:
    case Errc::kInvalidArgument:
    case Errc::kConflict:
      return {Verdict::kRejected, {0, error.message}};
    default:
      return {Verdict::kUnknown, {0, error.message}};
  }
}

Status CheckAnswer(const http::Response& response, std::string_view what) {
  if (response.status >= 200 && response.status < 300) {
    return {};
  }
  const std::optional<VenueError> venue = ReadVenueError(response.body);
  std::string message = std::string(what) + ": HTTP " + std::to_string(response.status);
  if (venue) {
    message += ", code " + std::to_string(venue->code) + ": " + venue->message;
  }
  return Error{CodeOf(response.status, venue ? venue->code : 0), std::move(message)};
}

Status WriteStatus(const Result<http::Response>& result, std::string_view what) {
  if (!result.ok()) {
    return result.error().Within(what);
  }
  const Status status = CheckAnswer(*result, what);
  if (!status.ok() && Classify(*result).verdict == Verdict::kUnknown) {
    return Error{Errc::kUnknownOutcome, status.error().message};
  }
  return status;
}

std::vector<Status> WriteStatuses(const Result<http::Response>& result,
                                  const std::vector<std::string>& client_order_ids, std::string_view what) {
  const size_t count = client_order_ids.size();
  if (const Status all = WriteStatus(result, what); !all.ok()) {
    return std::vector<Status>(count, all);
  }
  const std::vector<Status> unknown(
      count, Error{Errc::kUnknownOutcome, std::string(what) + ": the answer is no list of these orders"});
  const auto answers = ParseJson(result->body, what);
  if (!answers.ok() || !answers->is_array() || answers->get_array().size() != count) {
    return unknown;
  }
  std::vector<Status> statuses;
  for (size_t i = 0; i < count; ++i) {
    const boost::json::value& answer = answers->get_array()[i];
    const boost::json::object* order = answer.if_object();
    const boost::json::value* id = order == nullptr ? nullptr : order->if_contains("clientOrderId");
    if (order != nullptr && order->contains("code")) {
      // As the venue would have answered it alone.
      http::Response refusal;
      refusal.status = 400;
      refusal.body = boost::json::serialize(answer);
      statuses.push_back(WriteStatus(refusal, std::string(what) + " " + client_order_ids[i]));
    } else if (id != nullptr && id->is_string() && id->get_string() == client_order_ids[i]) {
      statuses.emplace_back();
    } else {
      return unknown;  // another order: a refusal, which bears no id, may be another's as well
    }
  }
  return statuses;
}

}  // namespace quantum::binance
