#include "services/execution/trade_store.h"

#include <fmt/format.h>

#include <limits>
#include <set>

#include "platform/log/log.h"
#include "trading/tradestore/aside.h"
#include "trading/tradestore/mirror.h"

namespace quantum::execution {
namespace {

using namespace std::chrono_literals;
using postgres::Rows;
using tradestore::Phase;
using tradestore::TradeRow;

constexpr Duration kLookEvery = 1s;
constexpr Duration kMirrorEvery = 200ms;
// A page of a thousand trades takes some 30 ms of a core.
constexpr Duration kPauseOfComparison = 1s;
constexpr Duration kBetweenComparisons = 60s;
constexpr Duration kStopPoll = 10ms;

bool PassesByItself(Errc code) {
  return code == Errc::kUnavailable || code == Errc::kTimeout || code == Errc::kUnknownOutcome;
}

}  // namespace

// Two connections to the file, so that people never read what is not committed yet.
struct TradeStore::Files {
  tradestore::State state;
  std::set<int64_t> aside;  // rows that are no trades
  tradestore::CopyFile written;
  tradestore::CopyFile read;
};

TradeStore::TradeStore(postgres::Pool& pool, postgres::PoolOptions options, const Clock& clock)
    : pool_(pool), options_(std::move(options)), clock_(clock) {
  options_.connections_max = 1;
}

TradeStore::~TradeStore() {
  BeginStop();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void TradeStore::Start() {
  if (thread_.joinable() || stopped_) {
    return;
  }
  ended_ = false;
  loop_.Spawn([this] {
    own_pool_ = std::make_unique<postgres::Pool>(loop_, options_, clock_);
    stopping_ = std::make_unique<fiber::Event>();
    running_ = 2;
    const auto run = [this](void (TradeStore::*body)()) {
      loop_.Spawn([this, body] {
        (this->*body)();
        if (--running_ == 0) {
          files_.reset();
          own_pool_.reset();
          loop_.Stop();
          ended_ = true;
        }
      });
    };
    run(&TradeStore::Follow);
    run(&TradeStore::KeepComparing);
  });
  thread_ = std::thread([this] { loop_.Run(); });
}

void TradeStore::BeginStop() {
  stopped_ = true;
  if (thread_.joinable()) {
    loop_.Spawn([this] {
      stopping_->Set();
      own_pool_->Close();
    });
  }
}

bool TradeStore::AwaitStopped(Duration limit) {
  const SteadyTime until = clock_.Steady() + limit;
  while (!ended_ && clock_.Steady() < until) {
    fiber::SleepFor(kStopPoll);
  }
  return ended_;
}

std::string TradeStore::Trouble() const {
  const std::lock_guard lock(mutex_);
  return mirror_trouble_.empty() ? difference_trouble_ : mirror_trouble_;
}

void TradeStore::SetTrouble(std::string& topic, std::string what) {
  const std::lock_guard lock(mutex_);
  if (topic != what) {
    what.empty() ? log::Info("both stores of trades are well again")
                 : log::Error("the stores of trades", {{"trouble", what}});
    topic = std::move(what);
  }
}

Status TradeStore::Look() {
  QUANTUM_TRY(const tradestore::Glimpse glimpse, tradestore::ReadPhase(*own_pool_));
  const Phase phase = glimpse.phase;
  if (!IsDual(phase) || (files_ != nullptr && ToUnixMs(*files_->state.started) != glimpse.number)) {
    files_.reset();
    SetTrouble(difference_trouble_, "");
  }
  if (IsDual(phase) && files_ == nullptr) {
    QUANTUM_TRY(tradestore::State state, tradestore::ReadState(*own_pool_));
    QUANTUM_TRY(std::set<int64_t> aside, tradestore::ReadAside(*own_pool_, state));
    QUANTUM_TRY(tradestore::CopyFile written, tradestore::CopyFile::Open(state.file, state.last_legacy_rowid));
    QUANTUM_TRY(tradestore::CopyFile read, tradestore::CopyFile::Open(state.file, state.last_legacy_rowid));
    files_ = std::make_unique<Files>(Files{std::move(state), std::move(aside), std::move(written), std::move(read)});
  }
  if (phase_.exchange(phase) != phase) {
    log::Info("the move of trades from SQLite", {{"phase", tradestore::ToString(phase)}});
  }
  return {};
}

void TradeStore::Follow() {
  SteadyTime look_at{};
  size_t written = 0;
  do {
    const auto step = [&]() -> Status {
      if (clock_.Steady() >= look_at) {
        QUANTUM_CHECK(Look());
        look_at = clock_.Steady() + kLookEvery;
      }
      written = 0;
      if (files_ != nullptr) {
        QUANTUM_TRY(written, tradestore::MirrorSome(*own_pool_, files_->written));
      }
      return {};
    };
    const Status status = step();
    if (!status.ok()) {
      look_at = {};  // what was wrong must be seen to be well
      written = 0;
      if (!PassesByItself(status.error().code)) {
        files_.reset();  // opened anew
      }
    }
    SetTrouble(mirror_trouble_, status.ok() || status.error().code == Errc::kCancelled
                                    ? ""
                                    : "trades wait for the SQLite file: " + status.error().message);
  } while (!stopping_->WaitFor(written < tradestore::kMirrorMax ? kMirrorEvery : Duration::zero()));
}

void TradeStore::KeepComparing() {
  while (!stopping_->WaitFor(kLookEvery)) {
    if (files_ == nullptr) {
      continue;
    }
    const auto compared = [&]() -> Status {
      QUANTUM_TRY(const tradestore::State state, tradestore::ReadState(*own_pool_));
      // Of its own: a long comparison outlives a phase.
      QUANTUM_TRY(tradestore::CopyFile file, tradestore::CopyFile::Open(state.file, state.last_legacy_rowid));
      const auto go_on = [this](int64_t, int64_t) { return !stopping_->is_set() && files_ != nullptr; };
      QUANTUM_TRY(const tradestore::Comparison result,
                  tradestore::Compare(*own_pool_, file, state, kPauseOfComparison, go_on, clock_));
      SetTrouble(difference_trouble_,
                 result.differences == 0
                     ? ""
                     : fmt::format("{} of {} trades differ between SQLite and Postgres, e.g. {}: see `./quantum "
                                   "tradestore status`",
                                   result.differences, result.rows, result.examples.front()));
      return tradestore::Keep(*own_pool_, result);
    }();
    if (!compared.ok() && compared.error().code != Errc::kCancelled && !PassesByItself(compared.error().code)) {
      SetTrouble(difference_trouble_, "SQLite and Postgres cannot be compared: " + compared.error().message);
    }
    if (stopping_->WaitFor(kBetweenComparisons)) {
      return;
    }
  }
}

// A row that is aside is no trade.
std::optional<TradeRow> TradeStore::Read(const tradestore::LegacyRow& row) const {
  if (files_->aside.contains(row.rowid)) {
    return std::nullopt;
  }
  if (row.rowid > files_->state.last_legacy_rowid) {
    return tradestore::FromCells(row.cells);
  }
  return tradestore::Convert(row, files_->read.rows().unknown_columns(), files_->state.precisions).trade;
}

Error TradeStore::NotOpen() const { return {Errc::kUnavailable, "the SQLite file is not open: " + Trouble()}; }

Result<std::vector<TradeRow>> TradeStore::List(const std::string& status, const std::string& symbol, int limit) {
  if (!ReadsFile()) {
    QUANTUM_TRY(const Rows rows,
                pool_.Query("SELECT " + tradestore::SelectTradeRow() +
                                " FROM trades WHERE ($1 = '' OR status = $1) AND ($2 = '' OR symbol = $2) ORDER BY "
                                "trades.created_at DESC LIMIT $3",
                            {status, symbol, std::to_string(limit)}, {.idempotent = true}));
    std::vector<TradeRow> trades;
    for (size_t row = 0; row < rows.size(); ++row) {
      trades.push_back(tradestore::ReadTradeRow(rows, row));
    }
    return trades;
  }
  return fiber::RunOn(loop_, [&]() -> Result<std::vector<TradeRow>> {
    std::vector<TradeRow> trades;
    std::set<std::string> ids;
    int64_t before = std::numeric_limits<int64_t>::max();
    while (trades.size() < static_cast<size_t>(limit)) {
      if (files_ == nullptr) {
        return NotOpen();
      }
      QUANTUM_TRY(const auto rows, files_->read.Newest(status, symbol, before, static_cast<size_t>(limit)));
      if (rows.empty()) {
        break;
      }
      before = rows.back().rowid;
      for (const tradestore::LegacyRow& row : rows) {
        auto trade = Read(row);
        if (trade && trades.size() < static_cast<size_t>(limit) && ids.insert(*trade->front()).second) {
          trades.push_back(std::move(*trade));
        }
      }
    }
    return trades;
  });
}

Result<std::optional<TradeRow>> TradeStore::Find(const std::string& trade_id) {
  if (!ReadsFile()) {
    QUANTUM_TRY(const Rows rows,
                pool_.Query("SELECT " + tradestore::SelectTradeRow() + " FROM trades WHERE trade_id = $1", {trade_id},
                            {.idempotent = true}));
    return rows.empty() ? std::optional<TradeRow>() : std::optional(tradestore::ReadTradeRow(rows, 0));
  }
  return fiber::RunOn(loop_, [&]() -> Result<std::optional<TradeRow>> {
    if (files_ == nullptr) {
      return NotOpen();
    }
    QUANTUM_TRY(const auto rows, files_->read.Find(trade_id));
    for (const tradestore::LegacyRow& row : rows) {
      if (auto trade = Read(row)) {
        return trade;
      }
    }
    return std::optional<TradeRow>();
  });
}

}  // namespace quantum::execution
