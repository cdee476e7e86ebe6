#pragma once

#include <string_view>

#include "platform/base/result.h"

// What a SQLSTATE means for the caller (PostgreSQL manual, appendix A).
namespace quantum::postgres {

// Codes we report for what the server could not tell us itself.
inline constexpr std::string_view kCannotConnect = "08001";
inline constexpr std::string_view kConnectionLost = "08006";
inline constexpr std::string_view kOutcomeUnknown = "08007";  // transaction_resolution_unknown
inline constexpr std::string_view kTimedOut = "57014";        // query_canceled, also what statement_timeout gives
inline constexpr std::string_view kTooManyWaiters = "53300";
// Raised by functions of ours where the caller has been superseded and may write nothing any more.
inline constexpr std::string_view kSuperseded = "QT001";

// The code of an error that the server answered, given that the statement had no effect.
Errc ErrcOf(std::string_view sqlstate);

// 40001 and 40P01: the transaction lost against another one and may be run again from its beginning.
bool IsSerializationFailure(std::string_view sqlstate);

// The server is there but not for us now (starting, stopping, read-only after a failover, too many connections).
bool IsTransient(std::string_view sqlstate);

// PgBouncer gave the client up before it had a server connection for it: nothing reached Postgres. PgBouncer has one
// SQLSTATE (08P01) for all it says, hence the texts, as of version 1.18 (its src/client.c, janitor.c and objects.c).
bool IsPoolerRefusal(std::string_view sqlstate, std::string_view message);

}  // namespace quantum::postgres
