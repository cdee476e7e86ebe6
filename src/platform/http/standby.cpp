#include "platform/http/standby.h"

namespace quantum::http {
namespace {

// "http://127.0.0.1:8002/x?y" → "http://127.0.0.1:8002"
std::string_view OriginOf(std::string_view url) {
  const size_t scheme = url.find("://");
  return scheme == std::string_view::npos ? url : url.substr(0, url.find_first_of("/?", scheme + 3));
}

}  // namespace

Standbys::Standbys(std::map<std::string, std::string> pairs) {
  for (auto& [first, second] : pairs) {
    pairs_[first] = {std::move(second)};
  }
}

Standbys::Route Standbys::RouteOf(const std::string& url) const {
  const std::string_view origin = OriginOf(url);
  const auto found = pairs_.find(std::string(origin));
  if (found == pairs_.end()) {
    return {url, ""};
  }
  std::string other = found->second.other + url.substr(origin.size());
  return found->second.other_works ? Route{std::move(other), url} : Route{url, std::move(other)};
}

void Standbys::OnAnswer(const std::string& url, const Result<Response>& answer) {
  const std::string_view origin = OriginOf(url);
  for (auto& [first, pair] : pairs_) {
    if (origin != first && origin != pair.other) {
      continue;
    }
    // One that does not answer in time may be stopped: the other is asked first next time, and says if it stands by.
    const bool works = answer.ok() && !DidNothing(answer);
    pair.other_works = works == (origin == pair.other);
  }
}

bool Standbys::DidNothing(const Result<Response>& answer) {
  if (!answer.ok()) {
    return answer.error().code == Errc::kUnavailable;
  }
  const auto says = [&](std::string_view code) { return answer->body.find(code) != std::string::npos; };
  return answer->status == 503 && (says("\"NOT_LEADER\"") || says("\"STARTING\"") || says("\"DRAINING\""));
}

}  // namespace quantum::http
