#include "services/risk_safety/store.h"

#include <boost/json.hpp>

#include "trading/bus/registry.h"

namespace quantum::risk_safety {
namespace {

namespace event = trading::event;
using postgres::Rows;
using trading::Rounding;

// One lock for all reservations: they are few and short, and exact beats fast here.
constexpr const char* kReservationLock = "SELECT pg_advisory_xact_lock(7201)";

// A start without Postgres must not wait long for it: the files of the last run serve.
constexpr postgres::CallOptions kBrief{.timeout = std::chrono::seconds(2), .idempotent = true};

constexpr const char* kReservationsSql =
    "SELECT symbol, side, state, notional::text, margin::text, "
    "coalesce((extract(epoch from filled_at) * 1000)::bigint, 0) AS filled_ms, "
    "created_at = now() AS of_this_transaction FROM reservations WHERE state <> 'RELEASED'";

Result<Decimal> Money(const Rows& rows, size_t row, std::string_view column) {
  return Decimal::Parse(rows.Text(row, column));
}

Result<std::vector<Reservation>> ReadReservations(const Rows& rows) {
  std::vector<Reservation> reservations;
  for (size_t i = 0; i < rows.size(); ++i) {
    Reservation reservation{.symbol = std::string(rows.Text(i, "symbol")),
                            .filled = rows.Text(i, "state") == "FILLED",
                            .filled_at = FromUnixMs(rows.Int(i, "filled_ms"))};
    QUANTUM_TRY(reservation.side, trading::ParseSide(rows.Text(i, "side")));
    QUANTUM_TRY(reservation.notional, Money(rows, i, "notional"));
    QUANTUM_TRY(reservation.margin, Money(rows, i, "margin"));
    reservations.push_back(std::move(reservation));
  }
  return reservations;
}

constexpr const char* kDecidedSql = "SELECT refusals::text, decision::text FROM risk_decisions WHERE decision_id = $1";

Result<std::vector<event::Refusal>> ParseRefusals(std::string_view text) {
  std::vector<event::Refusal> refusals;
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse({text.data(), text.size()}, error);
  if (error || !value.is_array()) {
    return Error{Errc::kInternal, "the recorded refusals are no JSON array"};
  }
  for (const boost::json::value& item : value.get_array()) {
    const boost::json::value* code = item.is_object() ? item.get_object().if_contains("code") : nullptr;
    const boost::json::value* detail = item.is_object() ? item.get_object().if_contains("detail") : nullptr;
    if (code == nullptr || !code->is_string() || detail == nullptr || !detail->is_string()) {
      return Error{Errc::kInternal, "a recorded refusal lacks its code or detail"};
    }
    refusals.push_back({std::string(code->get_string()), std::string(detail->get_string())});
  }
  return refusals;
}

Result<std::optional<Decided>> ReadDecided(const Rows& rows) {
  if (rows.empty()) {
    return std::optional<Decided>();
  }
  Decided decided;
  QUANTUM_TRY(decided.refusals, ParseRefusals(rows.Text(0, "refusals")));
  const auto decision = event::ParseDecision(rows.Text(0, "decision"));
  if (!decision.ok()) {
    return Error{Errc::kInternal, "the recorded decision cannot be read: " + decision.error().message};
  }
  decided.decision = *decision;
  return std::optional<Decided>(std::move(decided));
}

Decimal NotionalOf(const event::Decision& decision) {
  return decision.quantity.Times(decision.price.value_or(decision.reference_price), Rounding::kUp);
}

}  // namespace

std::string RefusalsJson(const std::vector<event::Refusal>& refusals) {
  boost::json::array array;
  for (const event::Refusal& refusal : refusals) {
    array.push_back(boost::json::object{{"code", refusal.code}, {"detail", refusal.detail}});
  }
  return boost::json::serialize(array);
}

Result<std::map<std::string, PolicyDocument>> LoadPolicies(postgres::Pool& pool) {
  QUANTUM_TRY(const Rows rows, pool.Query("SELECT key, value::text, version FROM policies", {}, kBrief));
  std::map<std::string, PolicyDocument> documents;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string key(rows.Text(i, "key"));
    documents[key] = {key, std::string(rows.Text(i, "value")), rows.Int(i, "version")};
  }
  return documents;
}

Result<PolicyDocument> PutPolicy(postgres::Pool& pool, bus::Bus& bus, const std::string& key, const std::string& value,
                                 int64_t expected_version, const std::string& by, const Clock& clock) {
  PolicyDocument document{key, value, 0};
  QUANTUM_CHECK(pool.Transact([&](postgres::Transaction& transaction) -> Status {
    QUANTUM_TRY(const Rows current,
                transaction.Query("SELECT value::text, version FROM policies WHERE key = $1 FOR UPDATE", {key}));
    if (current.empty()) {
      return Error{Errc::kNotFound, "there is no policy '" + key + "'"};
    }
    if (current.Int(0, "version") != expected_version) {
      return Error{Errc::kConflict, "policy '" + key + "' is at version " + std::to_string(current.Int(0, "version")) +
                                        ", not " + std::to_string(expected_version) + "; read it again and repeat"};
    }
    document.version = expected_version + 1;
    const std::string old_value(current.Text(0, "value"));
    const std::string version = std::to_string(document.version);
    QUANTUM_TRY(const auto written,
                transaction.Batch({{"UPDATE policies SET value = $2::jsonb, version = $3::bigint, updated_by = $4, "
                                    "updated_at = now() WHERE key = $1",
                                    {key, value, version, by}},
                                   {"INSERT INTO policy_audit (key, old_value, new_value, version, changed_by) "
                                    "VALUES ($1, $2::jsonb, $3::jsonb, $4::bigint, $5)",
                                    {key, old_value, value, version, by}}}));
    const std::string payload = boost::json::serialize(boost::json::object{{"key", key},
                                                                           {"old", boost::json::parse(old_value)},
                                                                           {"new", boost::json::parse(value)},
                                                                           {"version", document.version},
                                                                           {"by", by},
                                                                           {"time", ToUnixMs(clock.Now())}});
    std::vector<bus::Event> events = {event::Make(event::kPolicyUpdated, key, payload)};
    if (key == "active_profile" || key == "trading_state") {
      events.push_back(event::Make(event::kPolicyModeChanged, key, payload));
    }
    return bus.PublishWithin(transaction, std::move(events));
  }));
  return document;
}

Result<std::optional<EssRecord>> LoadEss(postgres::Pool& pool, WallTime now) {
  QUANTUM_TRY(const Rows rows, pool.Query("SELECT record::text, version FROM ess_state", {}, kBrief));
  if (rows.empty()) {
    return std::optional<EssRecord>();
  }
  auto record = ParseEssRecord(rows.Text(0, "record"));
  if (!record.ok()) {
    return std::optional<EssRecord>(EssRecord{.state = EssState::kTripped,
                                              .reason = "MANUAL: damaged record in Postgres",
                                              .by = "risk-safety",
                                              .by_hand = true,
                                              .since = now,
                                              .version = rows.Int(0, "version")});
  }
  return std::optional<EssRecord>(std::move(*record));
}

Status SaveEss(postgres::Pool& pool, bus::Bus& bus, EssMove move) {
  const EssRecord& record = move.record;
  const std::string text = ToJson(record);
  const std::string version = std::to_string(record.version);
  QUANTUM_CHECK(pool.Transact(
      [&](postgres::Transaction& transaction) -> Status {
        QUANTUM_TRY(const Rows inserted,
                    transaction.Query("INSERT INTO ess_history (version, record) VALUES ($1::bigint, $2::jsonb) "
                                      "ON CONFLICT DO NOTHING RETURNING version",
                                      {version, text}));
        if (inserted.empty()) {
          QUANTUM_TRY(const Rows same,
                      transaction.Query("SELECT record = $2::jsonb AS same FROM ess_history WHERE version = $1::bigint",
                                        {version, text}));
          return !same.empty() && same.Bool(0, "same")
                     ? Status()
                     : Status(Error{Errc::kConflict, "the emergency stop's version " + version + " is another record"});
        }
        QUANTUM_TRY(const Rows state,
                    transaction.Query("INSERT INTO ess_state (record, version) VALUES ($1::jsonb, $2::bigint) "
                                      "ON CONFLICT (singleton) DO UPDATE SET record = $1::jsonb, version = $2::bigint "
                                      "WHERE ess_state.version < $2::bigint RETURNING version",
                                      {text, version}));
        if (state.empty()) {
          return Error{Errc::kConflict, "the emergency stop's state in Postgres is newer than version " + version};
        }
        const std::string payload = event::ToJson(event::EssChange{.from = std::string(ToString(move.from)),
                                                                   .to = std::string(ToString(record.state)),
                                                                   .reason = record.reason,
                                                                   .by = record.by,
                                                                   .metrics = move.metrics,
                                                                   .time = ToUnixMs(record.since)});
        std::vector<bus::Event> events = {event::Make(event::kEssStateChanged, "ess", payload)};
        if (record.state == EssState::kTripped) {
          events.push_back(event::Make(event::kEssTripped, "ess", payload));
        } else if (record.state == EssState::kArmed) {
          events.push_back(event::Make(event::kEssRearmed, "ess", payload));
        }
        return bus.PublishWithin(transaction, std::move(events));
      },
      {.idempotent = true}));
  return {};
}

Result<Decimal> DayStartEquity(postgres::Pool& pool, std::string day, Decimal equity) {
  QUANTUM_TRY(const auto rows, pool.Batch({{"INSERT INTO risk_days (day, start_equity) VALUES ($1::date, $2::numeric) "
                                            "ON CONFLICT DO NOTHING",
                                            {day, equity.ToString()}},
                                           {"SELECT start_equity::text FROM risk_days WHERE day = $1::date", {day}}},
                                          {.idempotent = true}));
  return Money(rows.at(1), 0, "start_equity");
}

Status KeepHeartbeat(postgres::Pool& pool) {
  const auto kept = pool.Query("INSERT INTO heartbeat (at) VALUES (now()) ON CONFLICT (id) DO UPDATE SET at = now()",
                               {}, {.timeout = std::chrono::seconds(1), .idempotent = true});
  return kept.ok() ? Status() : Status(kept.error());
}

Result<std::string> ArchiveTrouble(postgres::Pool& pool, Duration grace) {
  QUANTUM_TRY(const Rows rows,
              pool.Query("SELECT last_failed_wal AS segment, to_char(since AT TIME ZONE 'UTC', "
                         "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS since FROM pg_stat_archiver, "
                         "LATERAL (SELECT coalesce(last_archived_time, stats_reset) AS since) AS last "
                         "WHERE current_setting('archive_mode') <> 'off' AND last_failed_time > since "
                         "AND now() - since > make_interval(secs => $1::float8)",
                         {std::to_string(std::chrono::duration<double>(grace).count())}, {.idempotent = true}));
  return rows.empty() ? std::string()
                      : fmt::format(
                            "the log of Postgres has not reached its archive since {} (segment {}): what is "
                            "committed now could not be restored",
                            rows.Text(0, "since"), rows.Text(0, "segment"));
}

Result<Books> LockAndLoad(postgres::Transaction& transaction, const std::string& decision_id) {
  // What follows the lock sees what was committed before it was granted (read committed).
  QUANTUM_TRY(const auto rows,
              transaction.Batch({{kReservationLock, {}}, {kReservationsSql, {}}, {kDecidedSql, {decision_id}}}));
  Books books;
  QUANTUM_TRY(books.reservations, ReadReservations(rows.at(1)));
  for (size_t i = 0; i < rows.at(1).size(); ++i) {
    books.of_this_transaction += rows.at(1).Bool(i, "of_this_transaction") ? 1 : 0;
  }
  QUANTUM_TRY(books.then, ReadDecided(rows.at(2)));
  return books;
}

Result<std::vector<Reservation>> LoadReservations(postgres::Pool& pool) {
  QUANTUM_TRY(const Rows rows, pool.Query(kReservationsSql, {}, {.idempotent = true}));
  return ReadReservations(rows);
}

Result<std::optional<Decided>> LoadDecided(postgres::Pool& pool, const std::string& decision_id) {
  QUANTUM_TRY(const Rows rows, pool.Query(kDecidedSql, {decision_id}, {.idempotent = true}));
  return ReadDecided(rows);
}

void RecordDecision(postgres::Transaction& transaction, const event::Decision& decision,
                    const std::string& correlation_id, const std::vector<event::Refusal>& refusals) {
  transaction.Queue(
      {"INSERT INTO risk_decisions (decision_id, correlation_id, symbol, approved, refusals, "
       "decision) VALUES ($1, $2, $3, $4::boolean, $5::jsonb, $6::jsonb)",
       {decision.decision_id, correlation_id, decision.symbol, refusals.empty() ? "true" : "false",
        RefusalsJson(refusals), event::ToJson(decision)}});
}

void RecordRefused(postgres::Transaction& transaction, const event::Decision& decision,
                   const std::string& correlation_id, const std::vector<event::Refusal>& refusals) {
  transaction.Queue(
      {"INSERT INTO risk_refusals (correlation_id, decision_id, symbol, "
       "refusals, decision) VALUES ($1, $2, $3, $4::jsonb, $5::jsonb)",
       {correlation_id, decision.decision_id, decision.symbol, RefusalsJson(refusals), event::ToJson(decision)}});
}

Result<std::vector<trading::RecordedRefusal>> LoadRefusals(postgres::Pool& pool, const std::string& correlation_id) {
  QUANTUM_TRY(const Rows rows,
              pool.Query("SELECT (extract(epoch from decided_at) * 1000)::bigint AS time_ms, decision_id, symbol, "
                         "refusals::text FROM risk_decisions WHERE correlation_id = $1 AND NOT approved UNION ALL "
                         "SELECT (extract(epoch from refused_at) * 1000)::bigint, decision_id, symbol, refusals::text "
                         "FROM risk_refusals WHERE correlation_id = $1 ORDER BY time_ms LIMIT 200",
                         {correlation_id}, {.idempotent = true}));
  std::vector<trading::RecordedRefusal> all;
  for (size_t i = 0; i < rows.size(); ++i) {
    QUANTUM_TRY(const auto refusals, ParseRefusals(rows.Text(i, "refusals")));
    for (const event::Refusal& refusal : refusals) {
      all.push_back({rows.Int(i, "time_ms"), "risk-safety-service", std::string(rows.Text(i, "decision_id")),
                     std::string(rows.Text(i, "symbol")), refusal});
    }
  }
  return all;
}

// The checks have seen to it that the notional is within the policy's cap.
void Reserve(postgres::Transaction& transaction, const std::string& reservation_id, const event::Decision& decision) {
  const Decimal notional = NotionalOf(decision);
  const Decimal margin = notional.DividedBy(Decimal::FromInt(decision.leverage), Rounding::kUp);
  transaction.Queue(
      {"INSERT INTO reservations (reservation_id, decision_id, symbol, side, notional, margin, "
       "state, expires_at) VALUES ($1, $2, $3, $4, $5::numeric, $6::numeric, 'RESERVED', "
       "$7::timestamptz)",
       {reservation_id, decision.decision_id, decision.symbol, std::string(ToString(decision.side)),
        notional.ToString(), margin.ToString(), FormatIso8601(FromUnixMs(decision.expires_at))}});
}

void MarkFilled(postgres::Transaction& transaction, const std::string& decision_id, WallTime now) {
  transaction.Queue(
      {"UPDATE reservations SET state = 'FILLED', filled_at = $2::timestamptz "
       "WHERE decision_id = $1 AND state = 'RESERVED'",
       {decision_id, FormatIso8601(now)}});
}

void Release(postgres::Transaction& transaction, const std::string& decision_id) {
  transaction.Queue(
      {"UPDATE reservations SET state = 'RELEASED', released_at = now() "
       "WHERE decision_id = $1 AND state <> 'RELEASED'",
       {decision_id}});
}

Result<std::vector<std::string>> ExpiredReservations(postgres::Pool& pool, WallTime now) {
  QUANTUM_TRY(const Rows rows, pool.Query("SELECT decision_id FROM reservations WHERE state = 'RESERVED' AND "
                                          "expires_at < $1::timestamptz - interval '30 seconds' LIMIT 100",
                                          {FormatIso8601(now)}, {.idempotent = true}));
  std::vector<std::string> ids;
  for (size_t i = 0; i < rows.size(); ++i) {
    ids.emplace_back(rows.Text(i, "decision_id"));
  }
  return ids;
}

}  // namespace quantum::risk_safety
