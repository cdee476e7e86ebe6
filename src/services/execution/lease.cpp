#include "services/execution/lease.h"

#include <fmt/format.h>

#include "platform/log/log.h"
#include "services/execution/process_name.h"

namespace quantum::execution {

Result<LeaseRow> Lease::Read() {
  QUANTUM_TRY(const postgres::Rows row,
              pool_.Query("SELECT holder, token, renewal, released FROM execution_lease WHERE account = $1", {account_},
                          {.idempotent = true}));
  if (row.empty()) {
    return Error{Errc::kInternal, "execution_lease has no row for " + account_ + ": are the migrations applied?"};
  }
  return LeaseRow{.holder = std::string(row.Text(0, "holder")),
                  .token = row.Int(0, "token"),
                  .renewal = row.Int(0, "renewal"),
                  .released = row.Bool(0, "released")};
}

Result<bool> Lease::Take(const LeaseRow& row) {
  QUANTUM_TRY(const auto taken,
              pool_.Query("UPDATE execution_lease SET holder = $2, token = token + 1, renewal = "
                          "renewal + 1, released = false, since = now() "
                          "WHERE account = $1 AND token = $3 AND renewal = $4",
                          {account_, holder_, std::to_string(row.token), std::to_string(row.renewal)}));
  return taken.affected() == 1;
}

Result<bool> Lease::Renew() {
  const SteadyTime asked = clock_.Boot();
  const auto renewed =
      pool_.Query("UPDATE execution_lease SET renewal = renewal + 1 WHERE account = $1 AND holder = $2 AND token = $3",
                  {account_, holder_, std::to_string(token_)}, {.idempotent = true});
  if (!renewed.ok()) {
    term_.OnNoAnswer(clock_.Boot());
    return renewed.error();
  }
  if (renewed->affected() == 1) {
    term_.OnRenewed(asked);
  }
  return renewed->affected() == 1;
}

Status Lease::Acquire(fiber::Event& stopping, const std::function<void(bool)>& standing_by) {
  LeaseWatch watch;
  for (bool first = true; !stopping.is_set(); stopping.WaitFor(kLeaseLookEvery), first = false) {
    Result<LeaseRow> row = Read();
    no_answer_ = !row.ok();
    if (!row.ok()) {
      watch.OnNoAnswer();
      if (first) {
        return row.error();
      }
      continue;
    }
    if (row->holder != holder_) {
      const size_t process = row->holder.find('@');
      const bool ended = process != std::string::npos && HasEnded(std::string_view(row->holder).substr(process + 1));
      if (!watch.OnRow(*row, clock_.Boot(), ended)) {
        standing_by(true);
        continue;
      }
      if (const auto taken = Take(*row); !taken.ok() || !*taken) {
        continue;  // somebody was faster; or the answer is lost, and the row will tell
      }
      row->token += 1;
    }
    token_ = row->token;
    if (const auto renewed = Renew(); renewed.ok() && *renewed) {
      log::Info("the lease is ours: this process writes for the account", {{"account", account_}, {"token", token_}});
      return {};
    }
    token_ = 0;
  }
  return Error{Errc::kCancelled, "stopping while waiting for the lease"};
}

void Lease::Keep(fiber::Event& stopping, const std::function<void()>& lost) {
  bool failing = false;
  while (!stopping.WaitFor(kLeaseRenewEvery)) {
    const auto renewed = Renew();
    if (renewed.ok() && !*renewed) {
      lost();
      return;
    }
    if (!renewed.ok() && !failing) {
      log::Error("the lease cannot be renewed: no entries until Postgres answers",
                 {{"account", account_}, {"error", renewed.error().message}});
    } else if (renewed.ok() && failing) {
      log::Info("the lease is renewed again", {{"account", account_}});
    }
    failing = !renewed.ok();
  }
}

void Lease::Release() {
  if (!held()) {
    return;
  }
  const auto released = pool_.Query(
      "UPDATE execution_lease SET released = true, renewal = renewal + 1 WHERE account = $1 AND holder = $2 AND "
      "token = $3",
      {account_, holder_, std::to_string(token_)}, {.idempotent = true});
  if (!released.ok()) {
    log::Warning("the lease could not be given back; the other process waits it out",
                 {{"account", account_}, {"error", released.error().message}});
  }
  term_ = {};
}

Status Lease::MaySend(Duration needed) const {
  const Duration left = term_.Left(clock_.Boot());
  if (held() && left >= needed) {
    return {};
  }
  const auto ms = [](Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  };
  return Error{Errc::kConflict, fmt::format("NOT_LEADER: left_ms={} needed_ms={}", held() ? ms(left) : 0, ms(needed))};
}

postgres::Statement Lease::Fence() const {
  return {"SELECT execution_require_lease($1, $2, $3)", {account_, std::to_string(token_), holder_}};
}

}  // namespace quantum::execution
