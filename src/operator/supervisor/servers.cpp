#include "operator/supervisor/servers.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantum::operate {

namespace {

std::string Bulk(std::string_view text) { return fmt::format("${}\r\n{}\r\n", text.size(), text); }

}  // namespace

std::string RedisPing(const std::string& user, const std::string& password) {
  std::string request;
  if (!password.empty()) {
    request = user.empty() ? "*2\r\n" + Bulk("AUTH") : "*3\r\n" + Bulk("AUTH") + Bulk(user);
    request += Bulk(password);
  }
  return request + "*1\r\n" + Bulk("PING");
}

bool HasLines(std::string_view answer, int replies) {
  return std::count(answer.begin(), answer.end(), '\n') >= replies;
}

Status JudgePong(std::string_view answer) {
  bool pong = false;
  while (!answer.empty()) {
    const std::string_view line = answer.substr(0, answer.find("\r\n"));
    answer.remove_prefix(std::min(answer.size(), line.size() + 2));
    if (line.starts_with('-')) {
      return Error{Errc::kUnavailable, std::string(line.substr(1))};
    }
    pong = line == "+PONG";
  }
  return pong ? Status() : Status(Error{Errc::kUnavailable, "it does not answer PING with PONG"});
}

std::string_view PostgresHello() {
  using namespace std::string_view_literals;
  return "\0\0\0\x08\x04\xd2\x16\x2f"sv;
}

Status JudgePostgres(std::string_view answer) {
  if (answer != "S" && answer != "N") {
    return Error{Errc::kUnavailable, "something that is no Postgres answers its port"};
  }
  return {};
}

}  // namespace quantum::operate
