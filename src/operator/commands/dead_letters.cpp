#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "operator/commands/bus_order.h"
#include "operator/output.h"
#include "operator/table.h"

namespace quantum::operate {

namespace {

namespace json = boost::json;

Status ListDeadLetters(const Context& context, const BusOrder& order) {
  std::vector<DeadLetter> letters;
  QUANTUM_CHECK(WithStream(context, order, [&](redis::Client& client) -> Status {
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
    Print("{}\n", json::serialize(json::object{{"dead_letters", std::move(array)}}));
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const DeadLetter& letter : letters) {
    rows.push_back({letter.id, letter.type.empty() ? "(unreadable)" : letter.type, letter.key, letter.group,
                    fmt::format("{}", letter.attempts), letter.reason});
  }
  Print("{}", FormatTable({"id", "type", "key", "group", "tries", "reason"}, rows));
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
  const Status acted = WithStream(context, order, [&](redis::Client& client) -> Status {
    if (!order.all) {
      return act(client, order.family, order.ids);
    }
    // Those that are there now: what fails again while this runs comes behind.
    QUANTUM_TRY(const std::string newest, NewestDeadLetter(client, order.family));
    if (newest.empty()) {
      return {};
    }
    while (true) {
      QUANTUM_TRY(const auto letters, ReadDeadLetters(client, order.family, kPage, newest));
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
  if (context.json) {
    Print("{}\n", json::serialize(json::object{{"stream", order.family}, {done, count}}));
  } else {
    Print("{} dead letters of {} {}\n", count, order.family, done);
  }
  return {};
}

}  // namespace

void AddDeadLetters(CLI::App& bus, Context& context, const std::shared_ptr<BusOrder>& order) {
  CLI::App* dead = bus.add_subcommand("dead-letters", "Events whose handler failed five times, or that cannot be read");
  dead->require_subcommand(1);
  CLI::App* list = dead->add_subcommand("list", "Show them, the oldest first");
  AddStream(*list, order);
  list->add_option("--count", order->count, "At most so many")->check(CLI::Range(1, 10'000));
  list->add_flag("--json", context.json, "One JSON object");
  list->callback([&context, order] { context.Finish(ListDeadLetters(context, *order)); });
  CLI::App* replay = dead->add_subcommand("replay", "Give them once more to the group that failed, and to it alone");
  CLI::App* drop = dead->add_subcommand("drop", "Throw them away");
  for (CLI::App* command : {replay, drop}) {
    AddStream(*command, order);
    command->add_option("ID", order->ids, "Ids, as `list` shows them");
    command->add_flag("--all", order->all, "All of the stream");
    command->add_flag("--json", context.json, "One JSON object");
  }
  replay->callback(
      [&context, order] { context.Finish(OnDeadLetters(context, *order, ReplayDeadLetters, "replayed")); });
  drop->callback([&context, order] { context.Finish(OnDeadLetters(context, *order, DropDeadLetters, "dropped")); });
}

}  // namespace quantum::operate
