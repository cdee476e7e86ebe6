#include "operator/chaos/postgres/load.h"

#include <algorithm>

#include "operator/chaos/wait.h"

namespace quantum::operate::chaos {

namespace {

using namespace std::chrono_literals;

constexpr Duration kAttemptMax = 3s;
constexpr Duration kProbeMax = 2s;  // of a client at a node itself
constexpr Duration kProbePause = 200ms;
constexpr Duration kRepeatPause = 100ms;

}  // namespace

Load::Load(fiber::Loop& loop, const Platform& platform, Random& random, LedgerChecker& checker, int per_second)
    : loop_(loop), platform_(platform), random_(random), checker_(checker), per_second_(per_second) {
  for (int client = 0; client < kAll; ++client) {
    ++living_;
    loop_.Spawn([this, client] {
      Work(client);
      if (--living_ == 0) {
        ended_.Set();
      }
    });
  }
}

Load::~Load() {
  ending_ = true;
  open_ = false;
  gate_.Set();
  ended_.Wait();
}

void Load::Open() {
  measured_ = {};
  struck_.reset();
  acknowledged_before_ = checker_.seen().acknowledged;
  last_acknowledged_ = SystemClock().Steady();
  open_ = true;
  gate_.Set();
}

bool Load::Close(Duration limit) {
  open_ = false;
  gate_.Reset();
  return Eventually(limit, [&] { return working_ == 0; });
}

void Load::Struck() {
  if (!struck_) {
    struck_ = SystemClock().Steady();
    measured_.in_flight = static_cast<uint64_t>(working_);
  }
}

Load::Measured Load::measured() const {
  Measured measured = measured_;
  measured.acknowledged = checker_.seen().acknowledged - acknowledged_before_;
  return measured;
}

void Load::Work(int client) {
  postgres::PoolOptions options =
      client < kClients ? platform_.ServiceOptions() : platform_.NodeOptions(static_cast<size_t>(client - kClients));
  options.connections_max = 1;
  options.slow = 1h;  // expected here
  postgres::Pool pool(loop_, options);
  const Duration pause = client < kClients ? Duration(1s) * kClients / per_second_ : kProbePause;
  while (!ending_) {
    gate_.Wait();
    const SteadyTime next = SystemClock().Steady() + pause;
    if (open_) {
      ++working_;
      Do(client, pool);
      --working_;
    }
    fiber::SleepFor(std::max<Duration>(next - SystemClock().Steady(), 1ms));
  }
}

Operation Load::Draw(int client) {
  Operation operation{.key = ++last_key_, .client = client, .amount = static_cast<int64_t>(random_.Below(100)) + 1};
  if (operation.key % 3 == 0) {
    operation.kind = Operation::Kind::kTrade;
  } else {
    operation.source = static_cast<int>(random_.Below(kAccounts)) + 1;
    operation.target = operation.source % kAccounts + 1;
  }
  return operation;
}

void Load::Acknowledge(const Operation& operation, const Receipt& receipt, bool was_unknown, SteadyTime begun) {
  const SteadyTime now = SystemClock().Steady();
  checker_.Acknowledge(operation.key, receipt, was_unknown, now);
  if (operation.client >= kClients) {
    return;
  }
  measured_.longest_pause = std::max<Duration>(measured_.longest_pause, now - last_acknowledged_);
  last_acknowledged_ = now;
  if (struck_ && begun > *struck_ && !measured_.first_commit) {
    measured_.first_commit = now - *struck_;
  }
}

// Every other client leaves repeats to the pool, which may repeat what has a key.
void Load::Do(int client, postgres::Pool& pool) {
  const Operation operation = Draw(client);
  const SteadyTime begun = SystemClock().Steady();
  checker_.Begin(operation, begun);
  const bool probe = client >= kClients;
  const auto receipt =
      Execute(pool, operation, {.timeout = probe ? kProbeMax : kAttemptMax, .idempotent = !probe && client % 2 == 0});
  if (receipt.ok()) {
    Acknowledge(operation, *receipt, false, begun);
  } else if (receipt.error().code != Errc::kUnknownOutcome) {
    checker_.Refuse(operation.key);
  } else if (!probe && client % 4 != 3) {  // some stay unknown for good: they may be there or not
    Settle(operation, pool);
  }
}

// By its key, which makes it certain: if the first attempt is still under way, the second one waits for its end.
void Load::Settle(const Operation& operation, postgres::Pool& pool) {
  while (!ending_) {
    const SteadyTime begun = SystemClock().Steady();
    const auto receipt = Execute(pool, operation, {.timeout = kAttemptMax, .idempotent = true});
    if (receipt.ok()) {
      Acknowledge(operation, *receipt, true, begun);
      return;
    }
    fiber::SleepFor(kRepeatPause);
  }
}

}  // namespace quantum::operate::chaos
