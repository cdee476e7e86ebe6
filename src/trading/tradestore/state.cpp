#include "trading/tradestore/state.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>

#include "trading/tradestore/trade_row.h"

namespace quantum::tradestore {

namespace {

namespace json = boost::json;
using postgres::Rows;
using postgres::Transaction;

constexpr std::array<std::string_view, 6> kPhases = {"NONE", "COPYING", "DUAL", "SWITCHED", "FINISHED", "ROLLED_BACK"};
// Who writes trades holds its lock for milliseconds; who cannot get it in this time is to try again.
constexpr Duration kLockMax = std::chrono::seconds(10);
constexpr Duration kScanMax = std::chrono::minutes(5);

Phase PhaseOf(std::string_view text) {
  for (size_t i = 0; i < kPhases.size(); ++i) {
    if (kPhases[i] == text) {
      return static_cast<Phase>(i);
    }
  }
  return Phase::kNone;
}

std::string ToText(const Precisions& precisions) {
  json::object object;
  for (const auto& [symbol, precision] : precisions) {
    object[symbol] = json::array{precision.tick_size.ToString(), precision.step_size.ToString()};
  }
  return json::serialize(object);
}

Result<Precisions> ReadPrecisions(std::string_view text) {
  Precisions precisions;
  const json::value parsed = json::parse({text.data(), text.size()});
  for (const auto& [symbol, pair] : parsed.as_object()) {
    QUANTUM_TRY(const trading::Decimal tick, trading::Decimal::Parse(json::value_to<std::string>(pair.at(0))));
    QUANTUM_TRY(const trading::Decimal step, trading::Decimal::Parse(json::value_to<std::string>(pair.at(1))));
    precisions[symbol] = {.tick_size = tick, .step_size = step};
  }
  return precisions;
}

std::optional<WallTime> TimeAt(const Rows& rows, std::string_view column) {
  return rows.IsNull(0, column) ? std::nullopt : std::optional(FromUnixMs(rows.Int(0, column)));
}

Error NotIn(std::string_view phase) {
  return {Errc::kConflict, fmt::format("the migration is not {} (any more): see `./quantum tradestore status`", phase)};
}

// One step from a phase to the next, by `statements`; the first of them is the UPDATE that only hits in that phase.
Status Step(postgres::Pool& owner, std::string_view from, std::vector<postgres::Statement> statements) {
  return owner.Transact(
      [&](Transaction& transaction) -> Status {
        for (size_t i = 0; i < statements.size(); ++i) {
          QUANTUM_TRY(const Rows rows, transaction.Query(statements[i].sql, statements[i].params));
          if (i == 0 && rows.affected() == 0) {
            return NotIn(from);
          }
        }
        return {};
      },
      {.timeout = kLockMax});
}

}  // namespace

std::string_view ToString(Phase phase) { return kPhases[static_cast<size_t>(phase)]; }

std::string NumberOf(const State& state) { return std::to_string(state.started ? ToUnixMs(*state.started) : 0); }

Result<Glimpse> ReadPhase(postgres::Pool& pool) {
  QUANTUM_TRY(const Rows rows,
              pool.Query("SELECT phase, (extract(epoch from started_at) * 1000)::bigint AS number FROM tradestore", {},
                         {.idempotent = true}));
  return rows.empty() ? Glimpse() : Glimpse{.phase = PhaseOf(rows.Text(0, "phase")), .number = rows.Int(0, "number")};
}

Result<State> ReadState(postgres::Pool& pool) {
  const auto ms = [](std::string_view column) {
    return fmt::format("(extract(epoch from {0}) * 1000)::bigint AS {0}", column);
  };
  QUANTUM_TRY(
      const Rows rows,
      pool.Query(fmt::format("SELECT phase, source, file, archive, precisions, last_legacy_rowid, copied_rowid, good, "
                             "repeated, odd, {}, {}, {}, {}, {}, compared_rows, differences, "
                             "to_json(difference_examples) AS examples, (SELECT count(*) FROM tradestore_queue) AS "
                             "waiting FROM tradestore",
                             ms("started_at"), ms("dual_since"), ms("switched_at"), ms("ended_at"), ms("compared_at")),
                 {}, {.idempotent = true}));
  State state;
  if (rows.empty()) {
    return state;
  }
  state.phase = PhaseOf(rows.Text(0, "phase"));
  state.source = rows.Text(0, "source");
  state.file = rows.Text(0, "file");
  state.archive = rows.Text(0, "archive");
  QUANTUM_TRY(state.precisions, ReadPrecisions(rows.Text(0, "precisions")));
  state.last_legacy_rowid = rows.Int(0, "last_legacy_rowid");
  state.copied_rowid = rows.Int(0, "copied_rowid");
  state.good = rows.Int(0, "good");
  state.repeated = rows.Int(0, "repeated");
  state.odd = rows.Int(0, "odd");
  state.started = TimeAt(rows, "started_at");
  state.dual_since = TimeAt(rows, "dual_since");
  state.switched = TimeAt(rows, "switched_at");
  state.ended = TimeAt(rows, "ended_at");
  state.waiting = rows.Int(0, "waiting");
  if (const auto at = TimeAt(rows, "compared_at")) {
    state.compared = {
        .at = *at, .rows = rows.Int(0, "compared_rows"), .differences = rows.Int(0, "differences"), .examples = {}};
    const std::string_view examples = rows.Text(0, "examples");
    state.compared->examples =
        json::value_to<std::vector<std::string>>(json::parse({examples.data(), examples.size()}));
  }
  return state;
}

Status Keep(postgres::Pool& pool, const Comparison& comparison) {
  const auto kept = pool.Query(
      "UPDATE tradestore SET compared_at = $1, compared_rows = $2, differences = $3, difference_examples = "
      "ARRAY(SELECT json_array_elements_text($4::json)) WHERE phase IN ('DUAL', 'SWITCHED')",
      {FormatMicroseconds(comparison.at), std::to_string(comparison.rows), std::to_string(comparison.differences),
       json::serialize(json::value_from(comparison.examples))},
      {.idempotent = true});
  return kept.ok() ? Status() : Status(kept.error());
}

Status BeginCopy(postgres::Pool& owner, const State& begun, const State& before) {
  return Step(owner, "over",
              {{"INSERT INTO tradestore (phase, source, file, precisions, last_legacy_rowid, copied_rowid, started_at) "
                "VALUES ('COPYING', $1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET phase = 'COPYING', "
                "source = excluded.source, file = excluded.file, archive = NULL, precisions = excluded.precisions, "
                "last_legacy_rowid = excluded.last_legacy_rowid, copied_rowid = excluded.copied_rowid, good = 0, "
                "repeated = 0, odd = 0, started_at = excluded.started_at, dual_since = NULL, switched_at = NULL, "
                "ended_at = NULL, compared_at = NULL, differences = 0, difference_examples = '{}' "
                "WHERE tradestore.phase IN ('ROLLED_BACK', 'FINISHED')",
                {begun.source, begun.file, ToText(begun.precisions), std::to_string(begun.last_legacy_rowid),
                 std::to_string(begun.copied_rowid), FormatIso8601(*begun.started)}},
               {"DELETE FROM tradestore_aside WHERE migration = $1",
                {before.phase == Phase::kRolledBack ? NumberOf(before) : "0"}},
               {"DELETE FROM tradestore_queue", {}}});
}

Status BeginDual(postgres::Pool& owner, WallTime now) {
  // First the trigger: what is written from then on is noted. ALTER TABLE waits for those who write trades, and they
  // for it, so that it stands alone. What was written before is noted next, some of it twice.
  const Status noting = owner.Transact(
      [&](Transaction& transaction) -> Status {
        QUANTUM_TRY(const Rows phase, transaction.Query("SELECT FROM tradestore WHERE phase = 'COPYING' FOR UPDATE"));
        if (phase.empty()) {
          return NotIn("COPYING");
        }
        QUANTUM_CHECK(transaction.Query("ALTER TABLE trades ENABLE TRIGGER tradestore_dual_write"));
        return {};
      },
      {.timeout = kLockMax});
  QUANTUM_CHECK(noting);
  QUANTUM_CHECK(owner.Query(
      "INSERT INTO tradestore_queue (trade_id) SELECT trade_id FROM trades WHERE NOT metadata ? 'legacy' ORDER BY "
      "created_at",
      {}, {.timeout = kScanMax, .idempotent = true}));
  return Step(
      owner, "COPYING",
      {{"UPDATE tradestore SET phase = 'DUAL', dual_since = $1 WHERE phase = 'COPYING'", {FormatMicroseconds(now)}}});
}

Status Switch(postgres::Pool& owner, WallTime now) {
  return Step(
      owner, "DUAL",
      {{"UPDATE tradestore SET phase = 'SWITCHED', switched_at = $1 WHERE phase = 'DUAL'", {FormatMicroseconds(now)}}});
}

Status SwitchBack(postgres::Pool& owner) {
  return Step(owner, "SWITCHED",
              {{"UPDATE tradestore SET phase = 'DUAL', switched_at = NULL WHERE phase = 'SWITCHED'", {}}});
}

Status End(postgres::Pool& owner, Phase phase, const std::string& archive, WallTime now, bool give_up) {
  return owner.Transact(
      [&](Transaction& transaction) -> Status {
        QUANTUM_CHECK(transaction.Query("ALTER TABLE trades DISABLE TRIGGER tradestore_dual_write"));
        QUANTUM_TRY(const Rows waiting, transaction.Query("SELECT count(*) AS rows FROM tradestore_queue"));
        if (waiting.Int(0, "rows") > 0 && !give_up) {
          return Error{Errc::kConflict, fmt::format("{} trades are not in the file yet", waiting.Text(0, "rows"))};
        }
        QUANTUM_CHECK(transaction.Query("DELETE FROM tradestore_queue"));
        QUANTUM_TRY(const Rows ended,
                    transaction.Query("UPDATE tradestore SET phase = $1, archive = $2, ended_at = $3 WHERE phase IN "
                                      "('COPYING', 'DUAL', 'SWITCHED')",
                                      {std::string(ToString(phase)), archive, FormatMicroseconds(now)}));
        return ended.affected() == 1 ? Status() : Status(Error{Errc::kNotFound, "there is no migration to end"});
      },
      {.timeout = kLockMax});
}

}  // namespace quantum::tradestore
