#include <fmt/format.h>

#include <charconv>

#include "platform/redis/client.h"

namespace quantum::redis {

Result<std::vector<Endpoint>> ParseEndpoints(std::string_view text) {
  std::vector<Endpoint> endpoints;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    while (item.starts_with(' ')) {
      item.remove_prefix(1);
    }
    while (item.ends_with(' ')) {
      item.remove_suffix(1);
    }
    const size_t colon = item.rfind(':');
    int port = 0;
    const char* const end = item.data() + item.size();
    if (colon == std::string_view::npos || colon == 0 ||
        std::from_chars(item.data() + colon + 1, end, port).ptr != end || port <= 0 || port > 65535) {
      return Error{Errc::kInvalidArgument, fmt::format("\"{}\" is not host:port; write 127.0.0.1:26379,…", item)};
    }
    endpoints.push_back({std::string(item.substr(0, colon)), port});
  }
  if (endpoints.empty()) {
    return Error{Errc::kInvalidArgument, "no address given; write 127.0.0.1:26379,127.0.0.1:26380,…"};
  }
  return endpoints;
}

}  // namespace quantum::redis
