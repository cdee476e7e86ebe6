#pragma once

#include <map>
#include <string>
#include <string_view>

#include "platform/base/result.h"
#include "platform/http/message.h"

namespace quantum::http {

// Which of two processes of a service does the work: learned from their answers. A pair is two origins
// ("http://127.0.0.1:8002"); requests are addressed to the first. No I/O.
class Standbys {
 public:
  // first → second
  explicit Standbys(std::map<std::string, std::string> pairs);

  struct Route {
    std::string first;   // the URL to ask
    std::string second;  // and the one to ask when that one did nothing; empty: there is none
  };
  Route RouteOf(const std::string& url) const;
  // What came of asking `url`, which is of a route.
  void OnAnswer(const std::string& url, const Result<Response>& answer);

  // The request did nothing for certain, and another process may be the one that works: no connection, or 503
  // NOT_LEADER, STARTING or DRAINING.
  static bool DidNothing(const Result<Response>& answer);

 private:
  struct Pair {
    std::string other;
    bool other_works = false;
  };
  std::map<std::string, Pair> pairs_;  // by the first origin
};

}  // namespace quantum::http
