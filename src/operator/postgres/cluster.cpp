#include "operator/postgres/cluster.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/beast/core/detail/base64.hpp>
#include <boost/json.hpp>

#include "platform/http/client.h"

namespace quantum::operate {

namespace json = boost::json;

namespace {

using namespace std::chrono_literals;

constexpr Duration kAskMax = 2s;
constexpr Duration kChangeMax = 30s;
constexpr Duration kPoll = 50ms;

std::string TextOf(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

int64_t NumberOf(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

std::string Login(const std::string& password) {
  namespace base64 = boost::beast::detail::base64;
  const std::string plain = "quantum:" + password;
  std::string text(base64::encoded_size(plain.size()), '\0');
  text.resize(base64::encode(text.data(), plain.data(), plain.size()));
  return "Basic " + text;
}

// One attempt, no breaker: who does not answer is a finding.
http::ClientOptions ProbeOptions() { return {.attempts_max = 1, .breaker_failures = 1'000'000'000}; }

}  // namespace

Result<NodeReport> ReadNodeReport(const std::string& name, std::string_view body,
                                  std::vector<std::string>& synchronous) {
  json::error_code error;
  const json::value value = json::parse(body, error);
  if (error || !value.is_object() || TextOf(value.get_object(), "state").empty()) {
    return Error{Errc::kInternal, fmt::format("{} answers with something that is no report of a node", name)};
  }
  const json::object& object = value.get_object();
  const std::string role = TextOf(object, "role");
  NodeReport report{.name = name,
                    .state = TextOf(object, "state"),
                    .primary = role == "master" || role == "primary",
                    .timeline = NumberOf(object, "timeline")};
  if (const json::value* xlog = object.if_contains("xlog"); xlog != nullptr && xlog->is_object()) {
    report.position = NumberOf(xlog->get_object(), report.primary ? "location" : "received_location");
  }
  const json::value* standbys = report.primary ? object.if_contains("replication") : nullptr;
  for (const json::value& each : standbys != nullptr && standbys->is_array() ? standbys->get_array() : json::array()) {
    const std::string state = each.is_object() ? TextOf(each.get_object(), "sync_state") : "";
    if (state == "sync" || state == "quorum") {
      synchronous.push_back(TextOf(each.get_object(), "application_name"));
    }
  }
  return report;
}

ClusterReport Judge(std::vector<NodeReport> nodes, const std::vector<std::string>& synchronous) {
  ClusterReport report{.nodes = std::move(nodes)};
  std::vector<size_t> primaries;
  for (size_t i = 0; i < report.nodes.size(); ++i) {
    NodeReport& node = report.nodes[i];
    if (!node.trouble.empty()) {
      report.problems.push_back(fmt::format("{} does not answer: {}", node.name, node.trouble));
    } else if (node.state != "running") {
      report.problems.push_back(fmt::format("{} does not serve: Postgres is '{}'", node.name, node.state));
    } else if (node.primary) {
      primaries.push_back(i);
    } else if (std::find(synchronous.begin(), synchronous.end(), node.name) != synchronous.end()) {
      node.synchronous = true;
      report.synchronous = report.synchronous.value_or(i);
    }
  }
  if (primaries.size() != 1) {
    report.problems.emplace_back(primaries.empty() ? "no node is the primary: nothing can be written"
                                                   : "two nodes call themselves the primary; HAProxy follows etcd");
    return report;
  }
  report.primary = primaries.front();
  const NodeReport& primary = report.nodes[*report.primary];
  for (NodeReport& node : report.nodes) {
    if (!node.primary && node.trouble.empty() && node.state == "running") {
      node.lag_bytes = std::max<int64_t>(0, primary.position - node.position);
    }
  }
  if (synchronous.empty()) {
    report.problems.emplace_back("there is no synchronous standby: what is committed now is on one node alone");
  }
  return report;
}

ClusterReport ReadCluster(fiber::Loop& loop, const PostgresAccess& access) {
  http::Client client(loop, ProbeOptions());
  std::vector<NodeReport> nodes;
  std::vector<std::string> synchronous;
  for (const PostgresNode& node : access.nodes) {
    const auto answer = client.Send({.url = node.url + "/patroni", .timeout = kAskMax, .idempotent = true});
    auto report =
        answer.ok() ? ReadNodeReport(node.name, answer->body, synchronous) : Result<NodeReport>(answer.error());
    nodes.push_back(report.ok() ? *std::move(report)
                                : NodeReport{.name = node.name, .trouble = report.error().message});
  }
  return Judge(std::move(nodes), synchronous);
}

Status PatchConfiguration(fiber::Loop& loop, const PostgresAccess& access, size_t node, const std::string& json) {
  const PostgresNode& asked = access.nodes.at(node);
  http::ClientRequest patch{.method = "PATCH", .url = asked.url + "/config", .body = json, .timeout = kChangeMax};
  patch.headers.Set("Authorization", Login(access.api_password));
  patch.headers.Set("Content-Type", "application/json");
  http::Client client(loop, ProbeOptions());
  QUANTUM_TRY(const http::Response answer, client.Send(patch));
  return answer.status == 200 ? Status()
                              : Error{Errc::kConflict, fmt::format("{} refuses: {}", asked.name, answer.body)};
}

Result<SwitchReport> ChangePrimary(fiber::Loop& loop, const PostgresAccess& access, bool planned,
                                   const std::function<void()>& on_primary) {
  const ClusterReport cluster = ReadCluster(loop, access);
  if (!cluster.synchronous || (planned && !cluster.primary)) {
    return Error{Errc::kConflict, fmt::format("no change of primary: {}", fmt::join(cluster.problems, "; "))};
  }
  const PostgresNode& candidate = access.nodes[*cluster.synchronous];
  const std::string before = cluster.primary ? cluster.nodes[*cluster.primary].name : "";
  json::object request{{"candidate", candidate.name}};
  if (planned) {
    request["leader"] = before;
  }
  http::ClientRequest post{.method = "POST",
                           .url = candidate.url + (planned ? "/switchover" : "/failover"),
                           .body = json::serialize(request),
                           .timeout = kChangeMax};
  post.headers.Set("Authorization", Login(access.api_password));
  post.headers.Set("Content-Type", "application/json");
  http::Client client(loop, ProbeOptions());
  // Patroni answers a second late; the node itself says it at once.
  std::optional<Result<http::Response>> answer;
  fiber::Event answered;
  loop.Spawn([&] {
    answer.emplace(client.Send(post));
    answered.Set();
  });
  const SteadyTime begin = SystemClock().Steady();
  std::optional<SwitchReport> report;
  while (!report && SystemClock().Steady() - begin < kChangeMax) {
    const auto role = client.Send({.url = candidate.url + "/primary", .timeout = kAskMax, .idempotent = true});
    if (role.ok() && role->status == 200) {
      report = SwitchReport{.before = before, .after = candidate.name, .took = SystemClock().Steady() - begin};
    } else if (answer && (!answer->ok() || (*answer)->status != 200)) {
      return Error{Errc::kConflict, fmt::format("{} refuses: {}", candidate.name,
                                                answer->ok() ? (*answer)->body : answer->error().message)};
    } else {
      fiber::SleepFor(kPoll);
    }
  }
  if (report && on_primary) {
    on_primary();
  }
  answered.Wait();
  if (!report) {
    return Error{Errc::kTimeout,
                 fmt::format("{} is not the primary after 30 s; ./quantum postgres shows what is", candidate.name)};
  }
  return *std::move(report);
}

}  // namespace quantum::operate
