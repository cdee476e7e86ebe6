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

constexpr const char* kExposureSql =
    "SELECT symbol, side, state, notional::text, margin::text FROM reservations WHERE state <> 'RELEASED'";

Result<Decimal> Money(const Rows& rows, size_t row, std::string_view column) {
  return Decimal::Parse(rows.Text(row, column));
}

Result<ExposureView> ReadExposure(const Rows& rows) {
  ExposureView view;
  for (size_t i = 0; i < rows.size(); ++i) {
    QUANTUM_TRY(const Decimal notional, Money(rows, i, "notional"));
    QUANTUM_TRY(const Decimal margin, Money(rows, i, "margin"));
    ++view.slots_taken;
    (rows.Text(i, "side") == "BUY" ? view.notional_long : view.notional_short) += notional;
    if (rows.Text(i, "state") == "RESERVED") {
      view.margin_reserved += margin;
    }
  }
  return view;
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
  QUANTUM_TRY(const Rows rows, pool.Query("SELECT key, value::text, version FROM policies", {}, {.idempotent = true}));
  std::map<std::string, PolicyDocument> documents;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string key(rows.Text(i, "key"));
    documents[key] = {key, std::string(rows.Text(i, "value")), rows.Int(i, "version")};
  }
  return documents;
}

Result<PolicyDocument> PutPolicy(postgres::Pool& pool, bus::Bus& bus, const std::string& key, const std::string& value,
                                 int64_t expected_version, const std::string& by, const Clock& clock) {
  PolicyDocument document{key, value, expected_version + 1};
  QUANTUM_CHECK(pool.Transact([&](postgres::Transaction& transaction) -> Status {
    QUANTUM_TRY(const Rows current, transaction.Query("SELECT value::text, version FROM policies WHERE key = $1 FOR UPDATE", {key}));
    if (current.empty()) {
      return Error{Errc::kNotFound, "there is no policy '" + key + "'"};
    }
    if (current.Int(0, "version") != expected_version) {
      return Error{Errc::kConflict, "policy '" + key + "' is at version " + std::to_string(current.Int(0, "version")) +
                                        ", not " + std::to_string(expected_version) + "; read it again and repeat"};
    }
    const std::string old_value(current.Text(0, "value"));
    const std::string version = std::to_string(document.version);
    QUANTUM_TRY(const auto written,
                transaction.Batch({{"UPDATE policies SET value = $2::jsonb, version = $3::bigint, updated_by = $4, "
                                    "updated_at = now() WHERE key = $1",
                                    {key, value, version, by}},
                                   {"INSERT INTO policy_audit (key, old_value, new_value, version, changed_by) "
                                    "VALUES ($1, $2::jsonb, $3::jsonb, $4::bigint, $5)",
                                    {key, old_value, value, version, by}}}));
    const std::string payload = boost::json::serialize(
        boost::json::object{{"key", key},
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
  bus.Relay();
  return document;
}

Result<std::optional<EssRecord>> LoadEss(postgres::Pool& pool) {
  QUANTUM_TRY(const Rows rows, pool.Query("SELECT record::text FROM ess_state", {}, {.idempotent = true}));
  if (rows.empty()) {
    return std::optional<EssRecord>();
  }
  QUANTUM_TRY(const EssRecord record, ParseEssRecord(rows.Text(0, "record")));
  return std::optional<EssRecord>(record);
}

Status SaveEss(postgres::Pool& pool, bus::Bus& bus, const EssRecord& record, EssState from) {
  const std::string text = ToJson(record);
  const std::string version = std::to_string(record.version);
  QUANTUM_CHECK(pool.Transact(
      [&](postgres::Transaction& transaction) -> Status {
        QUANTUM_TRY(const Rows inserted,
                    transaction.Query("INSERT INTO ess_history (version, record) VALUES ($1::bigint, $2::jsonb) "
                                      "ON CONFLICT DO NOTHING RETURNING version",
                                      {version, text}));
        if (inserted.empty()) {
          return {};
        }
        QUANTUM_TRY(const Rows state,
                    transaction.Query("INSERT INTO ess_state (record, version) VALUES ($1::jsonb, $2::bigint) "
                                      "ON CONFLICT (singleton) DO UPDATE SET record = $1::jsonb, version = $2::bigint "
                                      "WHERE ess_state.version < $2::bigint",
                                      {text, version}));
        const std::string payload = event::ToJson(event::EssChange{.from = std::string(ToString(from)),
                                                                   .to = std::string(ToString(record.state)),
                                                                   .reason = record.reason,
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
  bus.Relay();
  return {};
}

Result<Decimal> DayStartEquity(postgres::Pool& pool, WallTime now, Decimal equity_now) {
  const std::string day = FormatIso8601(now).substr(0, 10);
  QUANTUM_TRY(const auto rows,
              pool.Batch({{"INSERT INTO risk_days (day, start_equity) VALUES ($1::date, $2::numeric) "
                           "ON CONFLICT DO NOTHING",
                           {day, equity_now.ToString()}},
                          {"SELECT start_equity::text FROM risk_days WHERE day = $1::date", {day}}},
                         {.idempotent = true}));
  return Money(rows.at(1), 0, "start_equity");
}

Result<ExposureView> LockAndLoadExposure(postgres::Transaction& transaction) {
  // One round trip; the second statement sees what was committed before the lock was granted (read committed).
  QUANTUM_TRY(const auto rows, transaction.Batch({{kReservationLock, {}}, {kExposureSql, {}}}));
  return ReadExposure(rows.at(1));
}

Result<ExposureView> LoadExposure(postgres::Pool& pool) {
  QUANTUM_TRY(const Rows rows, pool.Query(kExposureSql, {}, {.idempotent = true}));
  return ReadExposure(rows);
}

Result<bool> WasDecided(postgres::Transaction& transaction, const std::string& decision_id) {
  QUANTUM_TRY(const Rows rows,
              transaction.Query("SELECT 1 AS one FROM risk_decisions WHERE decision_id = $1", {decision_id}));
  return !rows.empty();
}

Status RecordDecision(postgres::Transaction& transaction, const event::Decision& decision,
                      const std::string& correlation_id, const std::vector<event::Refusal>& refusals) {
  QUANTUM_TRY(const Rows rows,
              transaction.Query("INSERT INTO risk_decisions (decision_id, correlation_id, symbol, approved, refusals, "
                                "decision) VALUES ($1, $2, $3, $4::boolean, $5::jsonb, $6::jsonb)",
                                {decision.decision_id, correlation_id, decision.symbol,
                                 refusals.empty() ? "true" : "false", RefusalsJson(refusals),
                                 event::ToJson(decision)}));
  return {};
}

Status Reserve(postgres::Transaction& transaction, const std::string& reservation_id,
               const event::Decision& decision) {
  const Decimal notional = NotionalOf(decision);
  const Decimal margin = notional.DividedBy(Decimal::FromInt(decision.leverage), Rounding::kUp);
  QUANTUM_TRY(const Rows rows,
              transaction.Query("INSERT INTO reservations (reservation_id, decision_id, symbol, side, notional, margin, "
                                "state, expires_at) VALUES ($1, $2, $3, $4, $5::numeric, $6::numeric, 'RESERVED', "
                                "$7::timestamptz)",
                                {reservation_id, decision.decision_id, decision.symbol,
                                 std::string(ToString(decision.side)), notional.ToString(), margin.ToString(),
                                 FormatIso8601(FromUnixMs(decision.expires_at))}));
  return {};
}

Status MarkFilled(postgres::Transaction& transaction, const std::string& decision_id) {
  QUANTUM_TRY(const Rows rows,
              transaction.Query("UPDATE reservations SET state = 'FILLED' WHERE decision_id = $1 AND state = 'RESERVED'",
                                {decision_id}));
  return {};
}

Status Release(postgres::Transaction& transaction, const std::string& decision_id) {
  QUANTUM_TRY(const Rows rows,
              transaction.Query("UPDATE reservations SET state = 'RELEASED', released_at = now() "
                                "WHERE decision_id = $1 AND state <> 'RELEASED'",
                                {decision_id}));
  return {};
}

Result<std::vector<std::string>> ExpiredReservations(postgres::Pool& pool, WallTime now) {
  QUANTUM_TRY(const Rows rows,
              pool.Query("SELECT decision_id FROM reservations WHERE state = 'RESERVED' AND "
                         "expires_at < $1::timestamptz - interval '30 seconds' LIMIT 100",
                         {FormatIso8601(now)}, {.idempotent = true}));
  std::vector<std::string> ids;
  for (size_t i = 0; i < rows.size(); ++i) {
    ids.emplace_back(rows.Text(i, "decision_id"));
  }
  return ids;
}

}  // namespace quantum::risk_safety
