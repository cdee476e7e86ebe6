#include "platform/postgres/sqlstate.h"

#include <gtest/gtest.h>

namespace quantum::postgres {
namespace {

TEST(Sqlstate, SaysWhatTheCallerShouldDo) {
  const std::pair<const char*, Errc> cases[] = {
      {"23505", Errc::kConflict},         // unique_violation
      {"40001", Errc::kConflict},         // serialization_failure
      {"40P01", Errc::kConflict},         // deadlock_detected
      {"55P03", Errc::kConflict},         // lock_not_available
      {"P0001", Errc::kConflict},         // raise_exception
      {"23503", Errc::kInvalidArgument},  // foreign_key_violation
      {"23514", Errc::kInvalidArgument},  // check_violation
      {"22P02", Errc::kInvalidArgument},  // invalid_text_representation
      {"22003", Errc::kInvalidArgument},  // numeric_value_out_of_range
      {"57014", Errc::kTimeout},          // query_canceled
      {"57P01", Errc::kUnavailable},      // admin_shutdown
      {"57P03", Errc::kUnavailable},      // cannot_connect_now
      {"25006", Errc::kUnavailable},      // read_only_sql_transaction
      {"53300", Errc::kUnavailable},      // too_many_connections
      {"08P01", Errc::kUnavailable},      // protocol_violation, and all of PgBouncer's own errors
      {"53100", Errc::kExhausted},        // disk_full
      {"42501", Errc::kPermission},       // insufficient_privilege
      {"28P01", Errc::kPermission},       // invalid_password
      {"QT001", Errc::kCancelled},        // our own: superseded
      {"42601", Errc::kInternal},         // syntax_error
      {"42P01", Errc::kInternal},         // undefined_table
      {"XX000", Errc::kInternal},        {"", Errc::kInternal},
  };
  for (const auto& [sqlstate, code] : cases) {
    EXPECT_EQ(ErrcOf(sqlstate), code) << sqlstate;
  }
}

TEST(Sqlstate, OnlyALostRaceIsASerializationFailure) {
  EXPECT_TRUE(IsSerializationFailure("40001"));
  EXPECT_TRUE(IsSerializationFailure("40P01"));
  EXPECT_FALSE(IsSerializationFailure("40003"));  // statement_completion_unknown
  EXPECT_FALSE(IsSerializationFailure("23505"));
}

TEST(Sqlstate, APoolerThatGaveUpIsToldFromAServerThatDied) {
  EXPECT_TRUE(IsPoolerRefusal("08P01", "query_wait_timeout"));
  EXPECT_TRUE(IsPoolerRefusal("08P01", "server login has been failing, try again later (server_login_retry)"));
  EXPECT_FALSE(IsPoolerRefusal("08P01", "server conn crashed?"));
  EXPECT_FALSE(IsPoolerRefusal("57014", "query_wait_timeout"));
}

}  // namespace
}  // namespace quantum::postgres
