#include "trading/tradestore/mirror.h"

#include <set>

#include "trading/tradestore/aside.h"

namespace quantum::tradestore {

namespace {

Result<postgres::Rows> WriteThem(postgres::Pool& pool, CopyFile& file) {
  QUANTUM_TRY(postgres::Rows waiting,
              pool.Query("SELECT seq, status IS NULL AS gone, " + SelectTradeRow() +
                             " FROM (SELECT seq, trade_id FROM tradestore_queue ORDER BY seq LIMIT $1) AS queue "
                             "LEFT JOIN trades USING (trade_id) ORDER BY seq",
                         {std::to_string(kMirrorMax)}, {.idempotent = true}));
  std::set<std::string_view> written;
  for (size_t row = 0; row < waiting.size(); ++row) {
    if (!waiting.Bool(row, "gone") && written.insert(waiting.Text(row, "trade_id")).second) {
      QUANTUM_CHECK(file.Put(ReadTradeRow(waiting, row)));
    }
  }
  return waiting;
}

}  // namespace

Result<size_t> MirrorSome(postgres::Pool& pool, CopyFile& file) {
  // The file's lock first: what is read under it is the newest, also where a second process does the same.
  QUANTUM_CHECK(file.Begin());
  const Result<postgres::Rows> written = WriteThem(pool, file);
  if (!written.ok() || written->empty()) {
    file.Rollback();
    return written.ok() ? Result<size_t>(0) : Result<size_t>(written.error());
  }
  if (const Status committed = file.Commit(); !committed.ok()) {
    file.Rollback();
    return committed.error();
  }
  std::vector<std::optional<std::string>> done;
  for (size_t row = 0; row < written->size(); ++row) {
    done.emplace_back(written->Text(row, "seq"));
  }
  QUANTUM_CHECK(
      pool.Query("DELETE FROM tradestore_queue WHERE seq = ANY($1::bigint[])", {ToArray(done)}, {.idempotent = true}));
  return written->size();
}

}  // namespace quantum::tradestore
