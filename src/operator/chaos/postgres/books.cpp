#include "operator/chaos/postgres/books.h"

#include <charconv>

namespace quantum::operate::chaos {

namespace {

using namespace std::chrono_literals;

constexpr Duration kReadMax = 60s;

// Each stays open for 20 ms, so that a fault always strikes some. Accounts are locked in one order, so that transfers
// never wait for each other in a circle.
constexpr const char* kTransfer = R"(
WITH fresh AS (
  INSERT INTO chaos_transfers (key, source, target, amount) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING 1),
locked AS (
  SELECT id FROM chaos_accounts WHERE id IN ($2::int, $3::int) AND EXISTS (SELECT FROM fresh) ORDER BY id FOR UPDATE),
moved AS (
  UPDATE chaos_accounts SET balance = balance + CASE WHEN id = $2::int THEN -$4::bigint ELSE $4::bigint END
  WHERE id IN (SELECT id FROM locked))
SELECT EXISTS (SELECT FROM fresh) AS applied, inet_server_port() AS port,
       left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) AS timeline
FROM pg_sleep(0.02))";
constexpr const char* kTrade = R"(
WITH fresh AS (
  INSERT INTO chaos_trades (key, client, amount) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1),
counted AS (
  UPDATE chaos_clients SET trades = trades + 1 WHERE id = $2::int AND EXISTS (SELECT FROM fresh))
SELECT EXISTS (SELECT FROM fresh) AS applied, inet_server_port() AS port,
       left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) AS timeline
FROM pg_sleep(0.02))";

Status ToStatus(const Result<std::vector<postgres::Rows>>& rows) { return rows.ok() ? Status() : Status(rows.error()); }

// In one snapshot: what nobody got an answer to may still be committed.
Status ReadTables(postgres::Transaction& transaction, std::vector<postgres::Rows>& rows) {
  const auto set = transaction.Query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
  QUANTUM_CHECK(set.ok() ? Status() : Status(set.error()));
  QUANTUM_TRY(rows, transaction.Batch({{"SELECT key, source, target, amount FROM chaos_transfers", {}},
                                       {"SELECT key, client FROM chaos_trades", {}},
                                       {"SELECT id, balance FROM chaos_accounts", {}},
                                       {"SELECT id, trades FROM chaos_clients", {}}}));
  return {};
}

}  // namespace

Status MakeBooks(postgres::Pool& owner, int clients) {
  return ToStatus(owner.Batch(
      {{"CREATE TABLE chaos_accounts (id int PRIMARY KEY, balance bigint NOT NULL)", {}},
       {"CREATE TABLE chaos_transfers (key bigint PRIMARY KEY, source int NOT NULL, target int NOT NULL, amount bigint "
        "NOT NULL)",
        {}},
       {"CREATE TABLE chaos_clients (id int PRIMARY KEY, trades bigint NOT NULL)", {}},
       {"CREATE TABLE chaos_trades (key bigint PRIMARY KEY, client int NOT NULL, amount bigint NOT NULL)", {}},
       {"INSERT INTO chaos_accounts SELECT id, $2::bigint FROM generate_series(1, $1::int) id",
        {std::to_string(kAccounts), std::to_string(kStartBalance)}},
       {"INSERT INTO chaos_clients SELECT id, 0 FROM generate_series(0, $1::int - 1) id", {std::to_string(clients)}}},
      {.timeout = kReadMax}));
}

Result<Receipt> Execute(postgres::Pool& pool, const Operation& operation, postgres::CallOptions options) {
  const bool transfer = operation.kind == Operation::Kind::kTransfer;
  postgres::Params params{std::to_string(operation.key)};
  if (transfer) {
    params.insert(params.end(), {std::to_string(operation.source), std::to_string(operation.target)});
  } else {
    params.push_back(std::to_string(operation.client));
  }
  params.push_back(std::to_string(operation.amount));
  QUANTUM_TRY(const postgres::Rows rows, pool.Query(transfer ? kTransfer : kTrade, std::move(params), options));
  Receipt receipt{.port = static_cast<int>(rows.Int(0, "port")), .applied = rows.Bool(0, "applied")};
  const std::string_view timeline = rows.Text(0, "timeline");
  std::from_chars(timeline.data(), timeline.data() + timeline.size(), receipt.timeline, 16);
  return receipt;
}

Result<Books> ReadBooks(postgres::Pool& pool) {
  Books books;
  std::vector<postgres::Rows> rows;
  QUANTUM_CHECK(pool.Transact([&](postgres::Transaction& transaction) { return ReadTables(transaction, rows); },
                              {.timeout = kReadMax, .idempotent = true}));
  for (size_t row = 0; row < rows[0].size(); ++row) {
    books.transfers.push_back({.key = rows[0].Int(row, "key"),
                               .source = static_cast<int>(rows[0].Int(row, "source")),
                               .target = static_cast<int>(rows[0].Int(row, "target")),
                               .amount = rows[0].Int(row, "amount")});
  }
  for (size_t row = 0; row < rows[1].size(); ++row) {
    books.trades.push_back({.key = rows[1].Int(row, "key"), .client = static_cast<int>(rows[1].Int(row, "client"))});
  }
  for (size_t row = 0; row < rows[2].size(); ++row) {
    books.balances[static_cast<int>(rows[2].Int(row, "id"))] = rows[2].Int(row, "balance");
  }
  for (size_t row = 0; row < rows[3].size(); ++row) {
    books.counted[static_cast<int>(rows[3].Int(row, "id"))] = rows[3].Int(row, "trades");
  }
  return books;
}

}  // namespace quantum::operate::chaos
