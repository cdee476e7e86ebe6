#include "tests/platform/event_audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>
#include <stdexcept>
#include <tuple>

#include "platform/bus/codec.h"
#include "platform/postgres/pool.h"
#include "platform/redis/client.h"
#include "tests/platform/database.h"
#include "tests/support/postgres_server.h"

namespace quantum::testing {

namespace json = boost::json;

namespace {

constexpr const char* kStreams = "quantum:stream:";
constexpr const char* kDeadLetters = "quantum:dlq:";
constexpr const char* kGroups = "quantum:group:";
constexpr const char* kVolatile = "{market.tick}";
constexpr seconds kAnswerMax(10);

// (family, producer, incarnation, sequence)
using Identity = std::tuple<std::string, std::string, std::string, int64_t>;

struct Entry {
  std::string stream;
  std::string type;
  Identity identity;
  json::value payload;
};

// What a group applies in Postgres, in the transaction of its inbox.
const std::map<std::string, std::set<std::string>>& AppliedByGroup() {
  static const std::map<std::string, std::set<std::string>> applied{
      {"execution-service", {"risk.approved"}},
      {"risk-safety-service",
       {"ai.decision.made", "order.partially_filled", "order.filled", "order.canceled", "order.failed", "order.unknown",
        "trade.closed"}},
      {"portfolio-intelligence-service", {"position.updated", "trade.closed"}}};
  return applied;
}

// Of the others risk-safety keeps no row: they do nothing to a reservation.
bool ChangesReservation(const Entry& entry) {
  const json::object& order = entry.payload.as_object();
  return order.at("leg") == "ENTRY" &&
         (order.at("filled_quantity") != "0" || entry.type == "order.canceled" || entry.type == "order.failed");
}

bool MustBeApplied(const std::string& group, const Entry& entry) {
  return group != "risk-safety-service" || !entry.type.starts_with("order.") || ChangesReservation(entry);
}

// A row and an event that tell the same: the ids by SQL, and the event's type with where its payload names it (a JSON
// pointer).
struct Book {
  const char* rows;
  const char* type;
  const char* pointer;
};
constexpr Book kRowsWithEvents[] = {
    {"SELECT decision_id AS id FROM risk_decisions WHERE approved", "risk.approved", "/decision/decision_id"},
    {"SELECT decision_id AS id FROM risk_decisions WHERE NOT approved", "risk.rejected", "/decision_id"},
    {"SELECT client_order_id AS id FROM orders WHERE status = 'FILLED'", "order.filled", "/client_order_id"},
    {"SELECT trade_id AS id FROM trades WHERE entry_time IS NOT NULL", "trade.opened", "/trade_id"},
    {"SELECT trade_id AS id FROM trades WHERE status = 'CLOSED'", "trade.closed", "/trade_id"},
};
constexpr Book kEventsWithRows[] = {
    {"SELECT decision_id AS id FROM risk_decisions", "ai.decision.made", "/decision_id"},
    {"SELECT decision_id AS id FROM orders UNION SELECT trade_id FROM trades", "risk.approved",
     "/decision/decision_id"},
    {"SELECT client_order_id AS id FROM fills", "order.filled", "/client_order_id"},
    {"SELECT trade_id AS id FROM portfolio_trades", "trade.closed", "/trade_id"},
};

class Auditor {
 public:
  Auditor(const Stack& stack, fiber::Loop& loop)
      : redis_(loop, RedisOptions(stack)), postgres_(loop, DatabaseOf(stack)) {}

  EventAudit Run(std::chrono::seconds timeout) {
    begin_ = ReadEntries();
    last_outbox_row_ = Number("SELECT coalesce(max(id), 0) AS n FROM outbox");
    for (const Book& book : kRowsWithEvents) {
      rows_at_begin_.push_back(Ids(book.rows));
    }
    for (const std::string& stream : Keys(kStreams)) {
      if (stream.find(kVolatile) == std::string::npos) {
        ends_[stream] = LastEntry(stream);
      }
    }
    const auto until = std::chrono::steady_clock::now() + timeout;
    for (;;) {
      EventAudit audit = Look();
      if (audit.problems.empty() || std::chrono::steady_clock::now() >= until) {
        return audit;
      }
      fiber::SleepFor(milliseconds(200));
    }
  }

 private:
  static redis::ClientOptions RedisOptions(const Stack& stack) {
    redis::ClientOptions options;
    for (const char* sentinel : {"sentinel-1", "sentinel-2", "sentinel-3"}) {
      options.sentinels.push_back({"127.0.0.1", stack.Port(sentinel)});
    }
    options.sentinel_password = stack.Secret("sentinel-client");
    options.password = stack.Secret("redis-service");
    return options;
  }

  EventAudit Look() {
    EventAudit audit;
    // The inbox first: what it holds stands in a stream already.
    std::map<std::string, std::set<Identity>> inbox;
    const postgres::Rows rows = Query("SELECT group_name, family, producer, incarnation, sequence FROM inbox");
    for (size_t row = 0; row < rows.size(); ++row) {
      std::string group(rows.Text(row, "group_name"));
      inbox[group.starts_with(kGroups) ? group.substr(std::string(kGroups).size()) : group].emplace(
          rows.Text(row, "family"), rows.Text(row, "producer"), rows.Text(row, "incarnation"),
          rows.Int(row, "sequence"));
    }
    audit.applied = rows.size();
    const std::vector<Entry> now = ReadEntries();
    audit.events = now.size();
    CheckNumbers(now, audit);
    CheckGroups(audit);
    CheckInbox(inbox, now, audit);
    CheckBooks(now, audit);
    const int64_t waiting =
        Number(fmt::format("SELECT count(*) AS n FROM outbox WHERE relayed_at IS NULL AND id <= {}", last_outbox_row_));
    if (waiting != 0) {
      audit.problems.push_back(fmt::format("{} rows of the outbox still wait", waiting));
    }
    for (const std::string& key : Keys(kDeadLetters)) {
      if (const int64_t count = Ask({"XLEN", key}).integer; count != 0) {
        audit.problems.push_back(fmt::format("{} dead letters in {}", count, key));
      }
    }
    return audit;
  }

  static void CheckNumbers(const std::vector<Entry>& entries, EventAudit& audit) {
    std::map<std::tuple<std::string, std::string, std::string>, int64_t> last;
    for (const Entry& entry : entries) {
      const auto& [family, producer, incarnation, sequence] = entry.identity;
      int64_t& before = last[{family, producer, incarnation}];
      if (sequence != before + 1) {
        audit.problems.push_back(fmt::format("{} of {} incarnation {}: {} follows {}", entry.stream, producer,
                                             incarnation, sequence, before));
      }
      before = sequence;
    }
    audit.incarnations = last.size();
  }

  void CheckGroups(EventAudit& audit) {
    for (const auto& [stream, end] : ends_) {
      for (const redis::Reply& group : Ask({"XINFO", "GROUPS", stream}).elements) {
        const std::string name = Field(group, "name");
        ++audit.groups;
        if (Before(Field(group, "last-delivered-id"), end)) {
          audit.problems.push_back(fmt::format("{} was given {} only up to {}, not {}", name, stream,
                                               Field(group, "last-delivered-id"), end));
        }
        const auto pending = Ask({"XPENDING", stream, name, "-", end, "1"});
        if (!pending.elements.empty()) {
          audit.problems.push_back(
              fmt::format("{} has not acknowledged {} of {}", name, pending.elements[0].elements.at(0).text, stream));
        }
      }
    }
  }

  void CheckInbox(const std::map<std::string, std::set<Identity>>& inbox, const std::vector<Entry>& now,
                  EventAudit& audit) const {
    for (const auto& [group, types] : AppliedByGroup()) {
      const auto found = inbox.find(group);
      const std::set<Identity> applied = found == inbox.end() ? std::set<Identity>() : found->second;
      std::set<Identity> published;
      for (const Entry& entry : now) {
        if (types.contains(entry.type)) {
          published.insert(entry.identity);
        }
      }
      for (const Entry& entry : begin_) {
        if (types.contains(entry.type) && MustBeApplied(group, entry) && !applied.contains(entry.identity)) {
          audit.problems.push_back(fmt::format("{} has not applied {} {}", group, entry.type, Text(entry.identity)));
        }
      }
      for (const Identity& identity : applied) {
        if (!published.contains(identity)) {
          audit.problems.push_back(fmt::format("{} has applied {}, which is in no stream", group, Text(identity)));
        }
      }
    }
  }

  void CheckBooks(const std::vector<Entry>& now, EventAudit& audit) {
    for (size_t i = 0; i < std::size(kRowsWithEvents); ++i) {
      const std::set<std::string> told = Told(now, kRowsWithEvents[i]);
      for (const std::string& id : rows_at_begin_[i]) {
        if (!told.contains(id)) {
          audit.problems.push_back(
              fmt::format("no {} tells of {} ({})", kRowsWithEvents[i].type, id, kRowsWithEvents[i].rows));
        }
      }
    }
    for (const Book& book : kEventsWithRows) {
      const std::set<std::string> rows = Ids(book.rows);
      for (const std::string& id : Told(begin_, book)) {
        if (!rows.contains(id)) {
          audit.problems.push_back(fmt::format("{} of {} has no row ({})", book.type, id, book.rows));
        }
      }
    }
  }

  static std::set<std::string> Told(const std::vector<Entry>& entries, const Book& book) {
    std::set<std::string> ids;
    for (const Entry& entry : entries) {
      if (entry.type == book.type) {
        ids.insert(json::value_to<std::string>(entry.payload.at_pointer(book.pointer)));
      }
    }
    return ids;
  }

  std::vector<Entry> ReadEntries() {
    std::vector<Entry> entries;
    for (const std::string& stream : Keys(kStreams)) {
      if (stream.find(kVolatile) != std::string::npos) {
        continue;
      }
      const std::string family =
          stream.substr(std::string(kStreams).size() + 1, stream.size() - std::string(kStreams).size() - 2);
      for (const redis::Reply& each : Ask({"XRANGE", stream, "-", "+"}).elements) {
        const auto events = bus::ParseEntry(each.elements.at(1));
        if (!events.ok()) {
          throw std::runtime_error(stream + ": " + events.error().message);
        }
        for (const bus::Event& event : *events) {
          entries.push_back(
              {.stream = stream,
               .type = event.type,
               .identity = {family, event.producer, event.incarnation, static_cast<int64_t>(event.sequence)},
               .payload = json::parse(event.payload)});
        }
      }
    }
    return entries;
  }

  std::vector<std::string> Keys(const std::string& prefix) {
    std::set<std::string> keys;
    std::string cursor = "0";
    do {
      const redis::Reply page = Ask({"SCAN", cursor, "MATCH", prefix + "*", "COUNT", "1000"});
      for (const redis::Reply& key : page.elements.at(1).elements) {
        keys.insert(key.text);
      }
      cursor = page.elements.at(0).text;
    } while (cursor != "0");
    return {keys.begin(), keys.end()};
  }

  std::string LastEntry(const std::string& stream) {
    const redis::Reply last = Ask({"XREVRANGE", stream, "+", "-", "COUNT", "1"});
    return last.elements.empty() ? "0-0" : last.elements[0].elements.at(0).text;
  }

  redis::Reply Ask(redis::Command command) {
    const auto reply = redis_.Run(command, kAnswerMax);
    if (!reply.ok()) {
      throw std::runtime_error(command.front() + ": " + reply.error().message);
    }
    return *reply;
  }
  postgres::Rows Query(const std::string& sql) {
    const auto rows = postgres_.Query(sql, {}, {.timeout = kAnswerMax, .idempotent = true});
    if (!rows.ok()) {
      throw std::runtime_error(sql + ": " + rows.error().message);
    }
    return *rows;
  }
  int64_t Number(const std::string& sql) { return Query(sql).Int(0, "n"); }
  std::set<std::string> Ids(const std::string& sql) {
    std::set<std::string> ids;
    const postgres::Rows rows = Query(sql);
    for (size_t row = 0; row < rows.size(); ++row) {
      ids.emplace(rows.Text(row, "id"));
    }
    return ids;
  }

  // The value beside a name in a flat array of names and values.
  static std::string Field(const redis::Reply& fields, const std::string& name) {
    for (size_t i = 0; i + 1 < fields.elements.size(); i += 2) {
      if (fields.elements[i].text == name) {
        return fields.elements[i + 1].text;
      }
    }
    throw std::runtime_error("a reply of Redis lacks the field " + name);
  }
  static bool Before(const std::string& a, const std::string& b) {
    const auto parts = [](const std::string& id) {
      const size_t dash = id.find('-');
      return std::pair(std::stoull(id.substr(0, dash)), std::stoull(id.substr(dash + 1)));
    };
    return parts(a) < parts(b);
  }
  static std::string Text(const Identity& identity) {
    return fmt::format("{} {} {} {}", std::get<0>(identity), std::get<1>(identity), std::get<2>(identity),
                       std::get<3>(identity));
  }

  redis::Client redis_;
  postgres::Pool postgres_;
  std::vector<Entry> begin_;
  std::map<std::string, std::string> ends_;  // by stream: its last entry at the beginning
  int64_t last_outbox_row_ = 0;
  std::vector<std::set<std::string>> rows_at_begin_;  // as kRowsWithEvents
};

}  // namespace

EventAudit AuditEvents(const Stack& stack, std::chrono::seconds timeout) {
  EventAudit audit;
  std::string failure;
  RunInFiber([&](fiber::Loop& loop) {
    try {
      audit = Auditor(stack, loop).Run(timeout);
    } catch (const std::exception& exception) {
      failure = exception.what();
    }
  });
  if (!failure.empty()) {
    throw std::runtime_error("the events could not be read: " + failure);
  }
  return audit;
}

}  // namespace quantum::testing
