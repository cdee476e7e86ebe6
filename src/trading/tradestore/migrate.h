#pragma once

#include <functional>

#include "trading/tradestore/copy_file.h"
#include "trading/tradestore/state.h"

namespace quantum::tradestore {

// Rows done, rows there are.
using OnRows = std::function<void(int64_t, int64_t)>;

// Brings the old system's rows of the platform's copy into Postgres, a page a transaction that also says how far it is:
// whatever ends it, it goes on where it was, and doing it again changes nothing. A row that is odd, or that Postgres
// refuses, is put aside; a trade that is in Postgres already with the same contents counts as a repeat. For a fiber of
// the owner's loop; reading and converting run on a second thread. kConflict: another one migrates at the same time, or
// the migration is not COPYING.
Status CopyRows(postgres::Pool& owner, CopyFile& file, State state, const OnRows& on_rows);

}  // namespace quantum::tradestore
