#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "operator/bus/streams.h"
#include "operator/commands/bus_order.h"
#include "operator/commands/command.h"
#include "operator/output.h"
#include "operator/table.h"

namespace quantum::operate {

namespace {

namespace json = boost::json;

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

void PrintEntries(const std::vector<Entry>& entries, bool as_json) {
  for (const Entry& entry : entries) {
    if (as_json) {
      Print("{}\n", json::serialize(ToJson(entry)));
    } else {
      Print("{}  {}  {:<24} {:<10} {}  {}\n", entry.id, FormatIso8601(FromUnixNs(entry.event.timestamp_ns)),
            entry.event.type, entry.event.key, entry.event.correlation_id, entry.event.payload);
    }
  }
  FlushOutput();
}

Status Show(const Context& context) {
  std::vector<StreamState> streams;
  QUANTUM_CHECK(WithRedis(context, [&](redis::Client& client) -> Status {
    QUANTUM_TRY(streams, ReadStreams(client));
    return {};
  }));
  if (context.json) {
    json::array array;
    for (const StreamState& stream : streams) {
      array.push_back(ToJson(stream));
    }
    Print("{}\n", json::serialize(json::object{{"streams", std::move(array)}}));
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
  Print("{}\n{}", FormatTable({"stream", "entries", "MB", "dead letters", "publishers wait"}, rows),
        FormatTable({"stream", "group", "lag", "pending", "oldest", "reader", "consumers"}, groups));
  return {};
}

Status Tail(const Context& context, const BusOrder& order) {
  return WithStream(context, order, [&](redis::Client& client) -> Status {
    QUANTUM_TRY(std::vector<Entry> entries, ReadNewest(client, order.family, order.count));
    PrintEntries(entries, context.json);
    if (!order.follow) {
      return {};
    }
    QUANTUM_TRY(const auto connection, client.Dedicated(std::chrono::seconds(5)));
    std::string last = entries.empty() ? "0" : entries.back().id;
    while (!OutputFailed()) {  // until the operator ends it
      QUANTUM_TRY(entries, ReadAfter(*connection, order.family, last, std::chrono::seconds(1)));
      PrintEntries(entries, context.json);
      last = entries.empty() ? last : entries.back().id;
    }
    return {};
  });
}

Status Replay(const Context& context, const BusOrder& order) {
  QUANTUM_CHECK(WithGroup(context, order, [&](redis::Client& client) {
    return ReplayGroup(client, order.family, order.service, order.from);
  }));
  if (context.json) {
    Print("{}\n",
          json::serialize(json::object{{"stream", order.family}, {"group", order.service}, {"from", order.from}}));
  } else {
    Print("{} is given {} again from {} on; what it has applied it drops as a repeat\n", order.service, order.family,
          order.from);
  }
  return {};
}

Status Drop(const Context& context, const BusOrder& order) {
  QUANTUM_CHECK(
      WithGroup(context, order, [&](redis::Client& client) { return DropGroup(client, order.family, order.service); }));
  if (context.json) {
    Print("{}\n", json::serialize(json::object{{"stream", order.family}, {"dropped_group", order.service}}));
  } else {
    Print("the group of {} on {} is gone\n", order.service, order.family);
  }
  return {};
}

}  // namespace

void AddBus(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "bus",
      "Streams, groups, lag, pending and dead letters of the event bus. Lag and pending count entries, of up to 32 "
      "events each while many are published at once");
  command->add_flag("--json", context.json, "One JSON object");
  auto order = std::make_shared<BusOrder>();
  CLI::App* tail = command->add_subcommand("tail", "The newest events of a stream");
  AddStream(*tail, order);
  tail->add_option("--count", order->count, "At most so many")->check(CLI::Range(1, 10'000));
  tail->add_flag("-f,--follow", order->follow, "Go on with what comes");
  tail->add_flag("--json", context.json, "One JSON object a line");
  tail->callback([&context, order] { context.Finish(Tail(context, *order)); });
  CLI::App* replay = command->add_subcommand("replay", "Deliver a stream to a group once more");
  CLI::App* group = command->add_subcommand("group", "Consumer groups");
  group->require_subcommand(1);
  CLI::App* drop =
      group->add_subcommand("drop", "Forget a group that nobody reads for: nothing is kept for it any more");
  for (CLI::App* each : {replay, drop}) {
    AddStream(*each, order);
    each->add_option("GROUP", order->service, "A service: execution-service")->required();
    each->add_flag("--json", context.json, "One JSON object");
  }
  replay->add_option("--from", order->from, "An entry's id (`tail` shows it): what comes after it; 0 for everything")
      ->required();
  replay->callback([&context, order] { context.Finish(Replay(context, *order)); });
  drop->callback([&context, order] { context.Finish(Drop(context, *order)); });
  AddDeadLetters(*command, context, order);
  command->callback([&context, command] {
    if (command->get_subcommands().empty()) {
      context.Finish(Show(context));
    }
  });
}

}  // namespace quantum::operate
