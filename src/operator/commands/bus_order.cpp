#include "operator/commands/bus_order.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "operator/bus/connect.h"
#include "operator/commands/nearest.h"

namespace quantum::operate {

namespace {

Result<StreamState> FindStream(redis::Client& client, const std::string& family) {
  QUANTUM_TRY(const std::vector<StreamState> streams, ReadStreams(client));
  std::vector<std::string> names;
  for (const StreamState& stream : streams) {
    if (stream.family == family) {
      return stream;
    }
    names.push_back(stream.family);
  }
  return Error{Errc::kInvalidArgument, NoSuch("stream", family, names)};
}

}  // namespace

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
    QUANTUM_CHECK(FindStream(client, order.family));
    return body(client);
  });
}

Status WithGroup(const Context& context, const BusOrder& order, const std::function<Status(redis::Client&)>& body) {
  return WithRedis(context, [&](redis::Client& client) -> Status {
    QUANTUM_TRY(const StreamState stream, FindStream(client, order.family));
    std::vector<std::string> groups;
    for (const GroupState& group : stream.groups) {
      groups.push_back(group.name);
    }
    if (std::find(groups.begin(), groups.end(), order.service) == groups.end()) {
      return Error{Errc::kInvalidArgument, NoSuch("group", order.service, groups)};
    }
    return body(client);
  });
}

void AddStream(CLI::App& command, const std::shared_ptr<BusOrder>& order) {
  command.add_option("STREAM", order->family, "order, trade, risk, …; `./quantum bus` lists them")->required();
}

}  // namespace quantum::operate
