#include "platform/redis/discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <sstream>

namespace quantum::redis {

namespace {

std::optional<Endpoint> ParseAddress(std::string_view host, std::string_view port) {
  if (host.empty()) {
    return std::nullopt;
  }
  Endpoint endpoint{.host = std::string(host)};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (error != std::errc() || end != port.data() + port.size() || endpoint.port <= 0 || endpoint.port > 65535) {
    return std::nullopt;
  }
  return endpoint;
}

std::optional<Endpoint> ParseAddress(const Reply& reply) {
  if (reply.type != Reply::Type::kArray || reply.elements.size() != 2) {
    return std::nullopt;
  }
  return ParseAddress(reply.elements[0].text, reply.elements[1].text);
}

// The text of a message on a channel.
std::optional<std::string_view> MessageOn(std::string_view channel, const Reply& push) {
  if (push.elements.size() != 3 || push.elements[0].text != "message" || push.elements[1].text != channel) {
    return std::nullopt;
  }
  return push.elements[2].text;
}

}  // namespace

void Discovery::OnAnswer(size_t sentinel, const Reply& reply) {
  Answer& answer = answers_.at(sentinel);
  answer.asked = true;
  answer.reached = !reply.is_error();
  answer.master = ParseAddress(reply);
  if (reply.is_error()) {
    const Error error = ToError("SENTINEL", reply.text);
    answer.refused = error.code == Errc::kPermission;
    answer.reason = error.message;
  } else if (!answer.master) {
    answer.reason = "does not know this master";
  }
}

void Discovery::OnSilence(size_t sentinel, Error why) {
  Answer& answer = answers_.at(sentinel);
  answer.asked = true;
  answer.reached = false;
  answer.refused = why.code == Errc::kPermission;
  answer.reason = std::move(why.message);
}

int Discovery::reached() const {
  int count = 0;
  for (const Answer& answer : answers_) {
    count += answer.reached ? 1 : 0;
  }
  return count;
}

int Discovery::naming(const Endpoint& master) const {
  return static_cast<int>(
      std::count_if(answers_.begin(), answers_.end(), [&](const Answer& answer) { return answer.master == master; }));
}

Discovery::Verdict Discovery::Decide(const std::optional<Endpoint>& last_master) const {
  const size_t majority = answers_.size() / 2 + 1;
  std::map<Endpoint, size_t> votes;
  size_t unasked = 0;
  size_t refused = 0;
  std::string reasons;
  for (size_t i = 0; i < answers_.size(); ++i) {
    const Answer& answer = answers_[i];
    if (!answer.asked) {
      ++unasked;
    } else if (answer.master) {
      if (++votes[*answer.master] >= majority) {
        return {Verdict::Kind::kMaster, *answer.master, {}};
      }
      reasons += fmt::format("; sentinel {} names {}:{}", i + 1, answer.master->host, answer.master->port);
    } else {
      refused += answer.refused ? 1 : 0;
      reasons += fmt::format("; sentinel {}: {}", i + 1, answer.reason);
    }
  }
  if (unasked > 0) {
    return {};
  }
  // With fewer than a majority of sentinels alive nobody can have elected another master through them.
  const size_t alive = static_cast<size_t>(reached()) + refused;
  if (alive < majority && last_master) {
    return {Verdict::Kind::kLast, *last_master, "no majority of sentinels answers" + reasons};
  }
  const bool shut_out = alive >= majority && static_cast<size_t>(reached()) < majority;
  return {Verdict::Kind::kNone,
          {},
          "no majority of sentinels names a master" + reasons,
          shut_out ? Errc::kPermission : Errc::kUnavailable};
}

Result<Role> ParseRole(const Reply& reply) {
  if (reply.is_error()) {
    return ToError("ROLE", reply.text);
  }
  if (reply.type != Reply::Type::kArray || reply.elements.empty()) {
    return Error{Errc::kInternal, "ROLE: unexpected answer"};
  }
  Role role;
  role.master = reply.elements[0].text == "master";
  if (role.master && reply.elements.size() >= 3) {
    // "master", its offset, then a replica each: address, port, the offset that it acknowledged.
    role.replicas = reply.elements[2].elements.size();
    const int64_t written = std::max<int64_t>(0, reply.elements[1].integer);
    for (const Reply& replica : reply.elements[2].elements) {
      if (replica.elements.size() < 3) {
        continue;
      }
      const std::string& offset = replica.elements[2].text;
      int64_t acknowledged = 0;
      std::from_chars(offset.data(), offset.data() + offset.size(), acknowledged);
      if (auto endpoint = ParseAddress(replica.elements[0].text, replica.elements[1].text)) {
        role.attached.push_back(
            {*std::move(endpoint), std::max<int64_t>(0, written - std::max<int64_t>(0, acknowledged))});
      }
    }
  }
  return role;
}

Status VerifyRole(const Discovery::Verdict& verdict, const Role& role) {
  if (!role.master) {
    return Error{Errc::kUnavailable,
                 fmt::format("{}:{} says it is not a master", verdict.master.host, verdict.master.port)};
  }
  if (verdict.kind == Discovery::Verdict::Kind::kElected && role.replicas == 0) {
    return Error{Errc::kUnavailable, fmt::format("{}:{} becomes the master and has no replica yet", verdict.master.host,
                                                 verdict.master.port)};
  }
  if (verdict.kind == Discovery::Verdict::Kind::kLast && role.replicas == 0) {
    // Without sentinels and replicas it may be a deposed master that does not know it yet.
    return Error{Errc::kUnavailable, fmt::format("{}:{} has no replica and no sentinel vouches for it",
                                                 verdict.master.host, verdict.master.port)};
  }
  return {};
}

bool RefusesAsNode(std::string_view error) {
  return error.starts_with("READONLY") || error.starts_with("LOADING") || error.starts_with("MASTERDOWN");
}

Error ToError(std::string_view command, std::string_view error) {
  Errc code = Errc::kInternal;
  if (RefusesAsNode(error) || error.starts_with("NOREPLICAS")) {
    code = Errc::kUnavailable;
  } else if (error.starts_with("NOAUTH") || error.starts_with("WRONGPASS") || error.starts_with("NOPERM")) {
    code = Errc::kPermission;
  } else if (error.starts_with("OOM")) {
    code = Errc::kExhausted;
  }
  return {code, fmt::format("Redis {}: {}", command, error)};
}

std::string_view SwitchedMaster(const Reply& push) {
  const std::string_view text = MessageOn("+switch-master", push).value_or("");
  return text.substr(0, text.find(' '));
}

std::optional<Election> ElectionOf(const Reply& push) {
  std::istringstream text{std::string(MessageOn("+selected-slave", push).value_or(""))};
  const std::vector<std::string> words{std::istream_iterator<std::string>(text), {}};
  if (words.size() != 8 || words[0] != "slave" || words[4] != "@") {
    return std::nullopt;
  }
  const auto chosen = ParseAddress(words[2], words[3]);
  const auto deposed = ParseAddress(words[6], words[7]);
  if (!chosen || !deposed) {
    return std::nullopt;
  }
  return Election{words[5], *chosen, *deposed};
}

}  // namespace quantum::redis
