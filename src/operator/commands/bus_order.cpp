#include "operator/commands/bus_order.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "operator/bus/connect.h"
#include "operator/commands/nearest.h"

namespace quantum::operate {

Status CheckStream(const std::vector<StreamState>& streams, const std::string& family) {
  std::vector<std::string> names;
  for (const StreamState& stream : streams) {
    if (stream.family == family) {
      return {};
    }
    names.push_back(stream.family);
  }
  return Error{Errc::kInvalidArgument, NoSuch("stream", family, names)};
}

Status CheckGroup(const std::vector<StreamState>& streams, const std::string& family, const std::string& service) {
  QUANTUM_CHECK(CheckStream(streams, family));
  std::vector<std::string> names;
  for (const StreamState& stream : streams) {
    for (const GroupState& group : stream.groups) {
      if (stream.family == family && group.name == service) {
        return {};
      }
      if (stream.family == family) {
        names.push_back(group.name);
      }
    }
  }
  return Error{Errc::kInvalidArgument, fmt::format("on stream {} {}", family, NoSuch("group", service, names))};
}

Status WithRedis(const Context& context, const std::function<Status(redis::Client&)>& body) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(const RedisAccess access, FindRedis(running));
  return InFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, access.options);
    return body(client);
  });
}

Status WithStream(const Context& context, const BusOrder& order, const std::function<Status(redis::Client&)>& body) {
  return WithRedis(context, [&](redis::Client& client) -> Status {
    QUANTUM_TRY(const std::vector<StreamState> streams, ReadStreams(client));
    QUANTUM_CHECK(CheckStream(streams, order.family));
    return body(client);
  });
}

Status WithGroup(const Context& context, const BusOrder& order, const std::function<Status(redis::Client&)>& body) {
  return WithRedis(context, [&](redis::Client& client) -> Status {
    QUANTUM_TRY(const std::vector<StreamState> streams, ReadStreams(client));
    QUANTUM_CHECK(CheckGroup(streams, order.family, order.service));
    return body(client);
  });
}

void AddStream(CLI::App& command, const std::shared_ptr<BusOrder>& order) {
  command.add_option("STREAM", order->family, "order, trade, risk, …; `./quantum bus` lists them")->required();
}

}  // namespace quantum::operate
