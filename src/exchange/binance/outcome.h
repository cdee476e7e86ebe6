#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/venue.h"
#include "platform/http/message.h"

// What an answer, or the lack of one, says about a request. The one place that decides between rejected and unknown:
// taking an unknown outcome for a refusal leaves an orphan position at the venue (binance.md, pains.md 4). No I/O.
namespace quantum::binance {

// The venue's error body {"code":-2019,"msg":"Margin is insufficient."}; nothing when the body is no such thing.
struct VenueError {
  int code = 0;
  std::string message;
};
std::optional<VenueError> ReadVenueError(std::string_view body);

// 429 and 418: answered before the engine is asked, by whatever stands in front of it; they mean no more than they say.
bool IsLimited(int status);

enum class Verdict {
  kAccepted,  // 2xx: the body says what stands
  kRejected,  // the venue refused it, or it was never sent: nothing happened
  kUnknown,   // it may have happened: ask by client order id
};
struct Classified {
  Verdict verdict = Verdict::kUnknown;
  VenueError error;  // code 0: not the venue's word
};

// Sent and answered:
//   2xx accepted; 5xx and 408 (whoever answered waited in vain for the engine) unknown; 429 and 418 rejected (refused
//   before the engine);
//   other 4xx by code: -1000, -1001, -1006, -1007 (the venue lost track) and -4116 (an order under this id exists: an
//   earlier attempt of ours got through) unknown, everything else rejected;
//   a 4xx whose body is no venue error unknown: a firewall, a proxy or a page of HTML speaks for itself, not for the
//   engine, and may have let the request pass; any other status unknown.
Classified Classify(const http::Response& response);
// Not answered: kUnavailable, kTimeout, kExhausted, kInvalidArgument and kConflict (the send guard refused) were not
// sent, hence rejected with code 0; everything else (kUnknownOutcome, kInternal: a broken answer, kCancelled) unknown.
Classified Classify(const Error& error);

// The same for requests that only ask, or that may be repeated: a value for 2xx, else an Error in the callers' terms.
//   -2011 and -2013 kNotFound; -2014, -2015, -1022 kPermission; 429, 418, -1003, -1015 kExhausted; -1021, 5xx and what
//   is not the venue's word kUnavailable; other refusals kInvalidArgument. `what` names the request in the message.
Status CheckAnswer(const http::Response& response, std::string_view what);

// The same for a cancel or a change of settings, whose outcome may be unknown (kUnknownOutcome).
Status WriteStatus(const Result<http::Response>& result, std::string_view what);

// The same of each order of a batch, whose answer is a list in the order of `client_order_ids`: an order, or its error.
// kUnknownOutcome for all where an element is neither, or is another order. `what`: "cancelling order".
std::vector<Status> WriteStatuses(const Result<http::Response>& result,
                                  const std::vector<std::string>& client_order_ids, std::string_view what);

}  // namespace quantum::binance
