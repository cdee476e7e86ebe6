#pragma once

#include <string>
#include <string_view>

#include "platform/base/result.h"

// What a probe says to Redis and to Postgres, and what their answers mean. No I/O.
namespace quantum::operate {

// AUTH (unless the password is empty) and PING, in RESP; an empty user is Redis' `default`.
std::string RedisPing(const std::string& user, const std::string& password);
// Whether the answer to the above is complete: `replies` lines (simple strings and errors only).
bool HasLines(std::string_view answer, int replies);
// The last reply must be PONG; else the first complaint is the error ("LOADING …", "WRONGPASS …").
Status JudgePong(std::string_view answer);

// https://www.postgresql.org/docs/15/protocol-flow.html, "SSL Session Encryption": who serves answers S or N, also
// while it recovers or has no connection left, and takes a leave without a word in its log.
std::string_view PostgresHello();
Status JudgePostgres(std::string_view answer);

}  // namespace quantum::operate
