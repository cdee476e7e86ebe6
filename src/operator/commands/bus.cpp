#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "operator/bus/connect.h"
#include "operator/bus/streams.h"
#include "operator/commands/command.h"
#include "operator/commands/table.h"

namespace quantum::operate {

namespace {

namespace json = boost::json;

// What a subcommand was given.
struct BusOrder {
  std::string family;
  std::string service;
  std::string from;
  std::vector<std::string> ids;
  bool all = false;
  int count = 20;
  bool follow = false;
};

// Runs with the operator's connection to the master.
Status WithRedis(const Context& context, const std::function<Status(fiber::Loop&, redis::Client&)>& body) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(const RedisAccess access, FindRedis(running));
  return InFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, access.options);
    return body(loop, client);
  });
}

json::object ToJson(const StreamState& stream) {
  json::array groups;
  for (const GroupState& group : stream.groups) {
    groups.push_back({{"group", group.name},
                      {"lag", group.lag ? json::value(*group.lag) : json::value()},
                      {"pending", group.pending},
                      {"oldest_pending_ms", group.oldest_pending_ms},
                      {"last_delivered", group.last_delivered},
                      {"reader", group.reader.empty() ? json::value() : json::value(group.reader)},
                      {"consumers", json::array(group.consumers.begin(), group.consumers.end())}});
  }
  return {{"stream", stream.family},
          {"length", stream.length},
          {"memory_bytes", stream.memory_bytes},
          {"dead_letters", stream.dead_letters},
          {"over_quota", stream.over_quota},
          {"groups", std::move(groups)}};
}

json::object ToJson(const Entry& entry) {
  const bus::Event& event = entry.event;
  boost::system::error_code error;
  json::value payload = json::parse(event.payload, error);
  return {{"entry", entry.id},
          {"id", event.id},
          {"type", event.type},
          {"v", event.version},
          {"producer", event.producer},
          {"inc", event.incarnation},
          {"seq", event.sequence},
          {"source", event.source},
          {"key", event.key},
          {"cid", event.correlation_id},
          {"cause", event.cause},
          {"ts", event.timestamp_ns},
          {"payload", error ? json::value(event.payload) : std::move(payload)}};
}

void Print(const std::vector<Entry>& entries, bool as_json) {
  for (const Entry& entry : entries) {
    if (as_json) {
      fmt::print("{}\n", json::serialize(ToJson(entry)));
    } else {
      fmt::print("{}  {}  {:<24} {:<10} {}  {}\n", entry.id, FormatIso8601(FromUnixNs(entry.event.timestamp_ns)),
                 entry.event.type, entry.event.key, entry.event.correlation_id, entry.event.payload);
    }
  }
  std::fflush(stdout);
}

Status Show(const Context& context) {
  std::vector<StreamState> streams;
  QUANTUM_CHECK(WithRedis(context, [&](fiber::Loop&, redis::Client& client) -> Status {
    QUANTUM_TRY(streams, ReadStreams(client));
    return {};
  }));
  if (context.json) {
    json::array array;
    for (const StreamState& stream : streams) {
      array.push_back(ToJson(stream));
    }
    fmt::print("{}\n", json::serialize(json::object{{"streams", std::move(array)}}));
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  std::vector<std::vector<std::string>> groups;
  for (const StreamState& stream : streams) {
    rows.push_back({stream.family, fmt::format("{}", stream.length),
                    fmt::format("{:.2f}", static_cast<double>(stream.memory_bytes) / 1e6),
                    fmt::format("{}", stream.dead_letters), stream.over_quota.empty() ? "no" : stream.over_quota});
    for (const GroupState& group : stream.groups) {
      groups.push_back(
          {stream.family, group.name, group.lag ? fmt::format("{}", *group.lag) : "?", fmt::format("{}", group.pending),
           group.pending > 0 ? fmt::format("{:.1f} s", static_cast<double>(group.oldest_pending_ms) / 1e3) : "-",
           group.reader.empty() ? "-" : group.reader, fmt::format("{}", fmt::join(group.consumers, " "))});
    }
  }
  fmt::print("{}\n{}", FormatTable({"stream", "entries", "MB", "dead letters", "publishers wait"}, rows),
             FormatTable({"stream", "group", "lag", "pending", "oldest", "reader", "consumers"}, groups));
  return {};
}

Status Tail(const Context& context, const BusOrder& order) {
  return WithRedis(context, [&](fiber::Loop&, redis::Client& client) -> Status {
    QUANTUM_TRY(std::vector<Entry> entries, ReadNewest(client, order.family, order.count));
    Print(entries, context.json);
    if (!order.follow) {
      return {};
    }
    QUANTUM_TRY(const auto connection, client.Dedicated(std::chrono::seconds(5)));
    std::string last = entries.empty() ? "0" : entries.back().id;
    while (true) {  // until the operator ends it
      QUANTUM_TRY(entries, ReadAfter(*connection, order.family, last, std::chrono::seconds(1)));
      Print(entries, context.json);
      last = entries.empty() ? last : entries.back().id;
    }
  });
}

Status Replay(const Context& context, const BusOrder& order) {
  QUANTUM_CHECK(WithRedis(context, [&](fiber::Loop&, redis::Client& client) {
    return ReplayGroup(client, order.family, order.service, order.from);
  }));
  fmt::print("{} is given {} again from {} on; what it has applied it drops as a repeat\n", order.service, order.family,
             order.from);
  return {};
}

Status Drop(const Context& context, const BusOrder& order) {
  QUANTUM_CHECK(WithRedis(
      context, [&](fiber::Loop&, redis::Client& client) { return DropGroup(client, order.family, order.service); }));
  fmt::print("the group of {} on {} is gone\n", order.service, order.family);
  return {};
}

Status ListDeadLetters(const Context& context, const BusOrder& order) {
  std::vector<DeadLetter> letters;
  QUANTUM_CHECK(WithRedis(context, [&](fiber::Loop&, redis::Client& client) -> Status {
    QUANTUM_TRY(letters, ReadDeadLetters(client, order.family, order.count));
    return {};
  }));
  if (context.json) {
    json::array array;
    for (const DeadLetter& letter : letters) {
      array.push_back({{"id", letter.id},
                       {"entry", letter.entry},
                       {"group", letter.group},
                       {"type", letter.type},
                       {"key", letter.key},
                       {"event_id", letter.event_id},
                       {"attempts", letter.attempts},
                       {"reason", letter.reason}});
    }
    fmt::print("{}\n", json::serialize(json::object{{"dead_letters", std::move(array)}}));
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const DeadLetter& letter : letters) {
    rows.push_back({letter.id, letter.type.empty() ? "(unreadable)" : letter.type, letter.key, letter.group,
                    fmt::format("{}", letter.attempts), letter.reason});
  }
  fmt::print("{}", FormatTable({"id", "type", "key", "group", "tries", "reason"}, rows));
  return {};
}

using Act = Status (*)(redis::Client&, const std::string&, const std::vector<std::string>&);

// On the named ones, or on all, a page at a time.
Status OnDeadLetters(const Context& context, const BusOrder& order, Act act, const char* done) {
  constexpr int kPage = 500;
  if (order.all != order.ids.empty()) {
    return Error{Errc::kInvalidArgument, "name the dead letters by their ids, or give --all"};
  }
  size_t count = order.ids.size();
  const Status acted = WithRedis(context, [&](fiber::Loop&, redis::Client& client) -> Status {
    if (!order.all) {
      return act(client, order.family, order.ids);
    }
    while (true) {
      QUANTUM_TRY(const auto letters, ReadDeadLetters(client, order.family, kPage));
      if (letters.empty()) {
        return {};
      }
      std::vector<std::string> ids;
      for (const DeadLetter& letter : letters) {
        ids.push_back(letter.id);
      }
      QUANTUM_CHECK(act(client, order.family, ids));
      count += ids.size();
    }
  });
  QUANTUM_CHECK(acted);
  fmt::print("{} dead letters of {} {}\n", count, order.family, done);
  return {};
}

void AddDeadLetters(CLI::App& bus, Context& context, const std::shared_ptr<BusOrder>& order) {
  CLI::App* dead = bus.add_subcommand("dead-letters", "Events whose handler failed five times, or that cannot be read");
  dead->require_subcommand(1);
  CLI::App* list = dead->add_subcommand("list", "Show them, the oldest first");
  list->add_option("STREAM", order->family, "order, trade, risk, …")->required();
  list->add_option("--count", order->count, "At most so many")->check(CLI::Range(1, 10'000));
  list->add_flag("--json", context.json, "One JSON object");
  list->callback([&context, order] { context.Finish(ListDeadLetters(context, *order)); });
  CLI::App* replay = dead->add_subcommand("replay", "Give them once more to the group that failed, and to it alone");
  CLI::App* drop = dead->add_subcommand("drop", "Throw them away");
  for (CLI::App* command : {replay, drop}) {
    command->add_option("STREAM", order->family, "order, trade, risk, …")->required();
    command->add_option("ID", order->ids, "Ids, as `list` shows them");
    command->add_flag("--all", order->all, "All of the stream");
  }
  replay->callback(
      [&context, order] { context.Finish(OnDeadLetters(context, *order, ReplayDeadLetters, "replayed")); });
  drop->callback([&context, order] { context.Finish(OnDeadLetters(context, *order, DropDeadLetters, "dropped")); });
}

}  // namespace

void AddBus(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("bus", "Streams, groups, lag, pending and dead letters of the event bus");
  command->add_flag("--json", context.json, "One JSON object");
  auto order = std::make_shared<BusOrder>();
  CLI::App* tail = command->add_subcommand("tail", "The newest events of a stream");
  tail->add_option("STREAM", order->family, "order, trade, risk, …")->required();
  tail->add_option("--count", order->count, "At most so many")->check(CLI::Range(1, 10'000));
  tail->add_flag("-f,--follow", order->follow, "Go on with what comes");
  tail->add_flag("--json", context.json, "One JSON object a line");
  tail->callback([&context, order] { context.Finish(Tail(context, *order)); });
  CLI::App* replay = command->add_subcommand("replay", "Deliver a stream to a group once more");
  replay->add_option("STREAM", order->family, "order, trade, risk, …")->required();
  replay->add_option("GROUP", order->service, "A service: execution-service")->required();
  replay->add_option("--from", order->from, "An entry's id (`tail` shows it): what comes after it; 0 for everything")
      ->required();
  replay->callback([&context, order] { context.Finish(Replay(context, *order)); });
  CLI::App* group = command->add_subcommand("group", "Consumer groups");
  group->require_subcommand(1);
  CLI::App* drop =
      group->add_subcommand("drop", "Forget a group that nobody reads for: nothing is kept for it any more");
  drop->add_option("STREAM", order->family, "order, trade, risk, …")->required();
  drop->add_option("GROUP", order->service, "A service: execution-service")->required();
  drop->callback([&context, order] { context.Finish(Drop(context, *order)); });
  AddDeadLetters(*command, context, order);
  command->callback([&context, command] {
    if (command->get_subcommands().empty()) {
      context.Finish(Show(context));
    }
  });
}

}  // namespace quantum::operate
