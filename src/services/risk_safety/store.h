#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/bus/bus.h"
#include "platform/postgres/pool.h"
#include "services/risk_safety/checks.h"
#include "services/risk_safety/ess_keeper.h"
#include "trading/events.h"
#include "trading/refusal.h"

// Postgres, the truth about policies, the emergency stop, decisions and reservations.
namespace quantum::risk_safety {

struct PolicyDocument {
  std::string key;
  std::string value;  // JSON
  int64_t version = 0;
};

Result<std::map<std::string, PolicyDocument>> LoadPolicies(postgres::Pool& pool);

// Compare-and-set: kConflict with the current version when expected_version is not it; kNotFound for an unknown key.
// Writes the audit row and the events policy.updated (and policy.mode_changed) in the same transaction.
Result<PolicyDocument> PutPolicy(postgres::Pool& pool, bus::Bus& bus, const std::string& key, const std::string& value,
                                 int64_t expected_version, const std::string& by, const Clock& clock);

// Nothing before the first change.
// A record that cannot be read counts as a trip by hand at `now`, under its version.
Result<std::optional<EssRecord>> LoadEss(postgres::Pool& pool, WallTime now);
// Writes the state, its history and the ess.* events. A repeat of the same record does nothing; kConflict when Postgres
// holds another record under its version, or a newer state.
Status SaveEss(postgres::Pool& pool, bus::Bus& bus, EssMove move);

// The equity that a UTC day ("2026-11-23") began with; the first caller of the day sets it.
Result<Decimal> DayStartEquity(postgres::Pool& pool, std::string day, Decimal equity);

// Commits a row: to which second Postgres can be restored. Waits a second at most.
Status KeepHeartbeat(postgres::Pool& pool);

// Why what is committed does not reach the archive of the log, once that has lasted for `grace`; empty: it does, or
// there is none.
Result<std::string> ArchiveTrouble(postgres::Pool& pool, Duration grace);

// What is promised.
Result<std::vector<Reservation>> LoadReservations(postgres::Pool& pool);

// A decision as it was decided; nothing when it was not.
struct Decided {
  trading::event::Decision decision;
  std::vector<trading::event::Refusal> refusals;  // none: approved
};
Result<std::optional<Decided>> LoadDecided(postgres::Pool& pool, const std::string& decision_id);

// What a decision is judged by, under the lock under which all reservations are made. One round trip.
struct Books {
  std::vector<Reservation> reservations;
  int of_this_transaction = 0;  // reservations: of decisions approved before it in the same transaction
  std::optional<Decided> then;  // whether it was decided before
};
Result<Books> LockAndLoad(postgres::Transaction& transaction, const std::string& decision_id);

// What writes within a transaction is queued there: it travels with the COMMIT, and fails it.
void RecordDecision(postgres::Transaction& transaction, const trading::event::Decision& decision,
                    const std::string& correlation_id, const std::vector<trading::event::Refusal>& refusals);
// One that was refused without a verdict of its own: another decision has its id.
void RecordRefused(postgres::Transaction& transaction, const trading::event::Decision& decision,
                   const std::string& correlation_id, const std::vector<trading::event::Refusal>& refusals);
// All refusals under a correlation id, 200 at most, in the order of time.
Result<std::vector<trading::RecordedRefusal>> LoadRefusals(postgres::Pool& pool, const std::string& correlation_id);
void Reserve(postgres::Transaction& transaction, const std::string& reservation_id,
             const trading::event::Decision& decision);

// Each releases or fills at most once, whatever repeats.
void MarkFilled(postgres::Transaction& transaction, const std::string& decision_id, WallTime now);
void Release(postgres::Transaction& transaction, const std::string& decision_id);

// Decisions whose reservation has expired unfilled: their entry order must be asked about.
Result<std::vector<std::string>> ExpiredReservations(postgres::Pool& pool, WallTime now);

std::string RefusalsJson(const std::vector<trading::event::Refusal>& refusals);

}  // namespace quantum::risk_safety
