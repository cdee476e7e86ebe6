#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/bus/bus.h"
#include "platform/postgres/pool.h"
#include "services/risk_safety/checks.h"
#include "services/risk_safety/emergency_stop.h"
#include "trading/events.h"

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
Result<std::optional<EssRecord>> LoadEss(postgres::Pool& pool);
// Writes the state, its history and the ess.* events. Repeats of a version do nothing.
Status SaveEss(postgres::Pool& pool, bus::Bus& bus, const EssRecord& record, EssState from);

// The equity this UTC day began with; the first caller of the day sets it.
Result<Decimal> DayStartEquity(postgres::Pool& pool, WallTime now, Decimal equity_now);

// What is taken. Within a transaction it first takes the lock under which all reservations are made.
Result<ExposureView> LockAndLoadExposure(postgres::Transaction& transaction);
Result<ExposureView> LoadExposure(postgres::Pool& pool);

Result<bool> WasDecided(postgres::Transaction& transaction, const std::string& decision_id);
Status RecordDecision(postgres::Transaction& transaction, const trading::event::Decision& decision,
                      const std::string& correlation_id, const std::vector<trading::event::Refusal>& refusals);
Status Reserve(postgres::Transaction& transaction, const std::string& reservation_id,
               const trading::event::Decision& decision);

// Each releases or fills at most once, whatever repeats.
Status MarkFilled(postgres::Transaction& transaction, const std::string& decision_id);
Status Release(postgres::Transaction& transaction, const std::string& decision_id);

// Decisions whose reservation has expired unfilled: their entry order must be asked about.
Result<std::vector<std::string>> ExpiredReservations(postgres::Pool& pool, WallTime now);

std::string RefusalsJson(const std::vector<trading::event::Refusal>& refusals);

}  // namespace quantum::risk_safety
