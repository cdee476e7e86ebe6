#pragma once

#include "platform/metrics/metrics.h"

// Every metric of the platform, once. Labels are given beside each; no label takes an unbounded value.
namespace quantum::metrics {

// labels: method, endpoint (the route's pattern), status
inline const Spec kHttpRequests{"http_requests_total", "HTTP requests answered"};
inline const Spec kHttpRequestDuration{"http_request_duration_seconds", "Time from request read to answer written"};
// labels: method, endpoint. There is no status yet
inline const Spec kHttpRequestsInProgress{"http_requests_in_progress", "HTTP requests being handled"};

// labels: event_type
inline const Spec kEventsPublished{"eventbus_messages_published_total", "Events accepted by the broker"};
inline const Spec kEventsConsumed{"eventbus_messages_consumed_total", "Events whose effect is committed"};
inline const Spec kEventDuration{"eventbus_message_processing_duration_seconds", "Time in the handler of an event"};
inline const Spec kEventsDuplicate{"eventbus_duplicates_dropped_total", "Repeats recognised and dropped"};
inline const Spec kEventsDead{"eventbus_dead_letters_total", "Events moved to the dead letters"};
// labels: queue_name
inline const Spec kQueueLag{"eventbus_queue_lag", "Entries of a stream that a group has not been given yet"};
inline const Spec kOutboxPending{"eventbus_outbox_pending", "Events waiting to reach the broker"};
inline const Spec kOutboxOldest{"eventbus_outbox_oldest_seconds", "Since the oldest event that waits was published"};
inline const Spec kReaderActive{"eventbus_reader_active",
                                "1: this process reads the stream for its group; 0: it stands by"};
// labels: event_type, reason (superseded, queue_full, not_sent, stale)
inline const Spec kVolatileDropped{"eventbus_volatile_dropped_total", "Volatile events that were not handed on"};

// labels: symbol, side, status
inline const Spec kTradesExecuted{"trades_executed_total", "Trades by outcome"};
inline const Spec kTradeExecutionDuration{"trade_execution_duration_seconds", "From decision to the first fill"};
inline const Spec kPositionsOpen{"positions_open", "Open positions"};

// No labels: of the account
inline const Spec kPortfolioValue{"portfolio_value_usd", "Equity: wallet and unrealized result"};

// labels: signal_type, model
inline const Spec kSignals{"signals_generated_total", "Signals by type and model"};

// labels: check_type, result
inline const Spec kRiskChecks{"risk_checks_total", "Pre-trade checks"};
// labels: policy_name, severity
inline const Spec kPolicyViolations{"policy_violations_total", "Refusals by policy"};
// labels: code
inline const Spec kRefusals{"refusals_total", "Refusals of decisions and orders by code; OTHER: one without a meaning"};
// labels: reason
inline const Spec kEmergencyStops{"emergency_stop_triggered_total", "Emergency stop trips"};

// labels: operation, status
inline const Spec kRedisOperations{"redis_operations_total", "Redis commands"};
inline const Spec kRedisDuration{"redis_operation_duration_seconds", "Redis round trips"};
inline const Spec kDatabaseOperations{"database_operations_total", "Postgres operations"};
inline const Spec kDatabaseDuration{"database_operation_duration_seconds", "Postgres operations, from call to answer"};

// labels: component / dependency. 1 OK, 0.5 DEGRADED, 0 DOWN
inline const Spec kServiceHealth{"service_health_status", "1 OK, 0.5 DEGRADED, 0 DOWN"};
inline const Spec kDependencyHealth{"dependency_health_status", "1 OK, 0.5 DEGRADED, 0 DOWN"};

// Backups of Postgres and their trial; 0: none yet.
inline const Spec kBackupTime{"backup_last_success_timestamp_seconds", "When the last good backup ended, Unix time"};
inline const Spec kProofTime{"restore_test_last_success_timestamp_seconds",
                             "When a restore was last proven, Unix time"};
inline const Spec kRecoverySeconds{"restore_test_recovery_seconds", "The last trial: until the copy served"};
inline const Spec kRecoveryPointSeconds{"restore_test_recovery_point_seconds",
                                        "The last trial: until a commit was in the archive"};

// labels: endpoint, outcome
inline const Spec kExchangeRequests{"exchange_requests_total", "Requests to the venue"};

// No labels: the venue counts by address, the others are numbers of the account
inline const Spec kExchangeWeight{"exchange_request_weight_used",
                                  "Request weight used in this minute, as the venue says"};
inline const Spec kOrdersUnknown{"orders_unknown", "Orders whose outcome is not known yet"};
inline const Spec kPositionsUnprotected{"positions_unprotected", "Positions without a live stop at the exchange"};

inline const Spec kMarketFramesBad{"market_frames_rejected_total", "Market data frames that could not be decoded"};
// labels: symbol
inline const Spec kMarketTrades{"market_trades_total", "Trades received from the venue"};
inline const Spec kMarketTradesMissed{"market_trades_missed_total", "Trades missing in the sequence of trade ids"};
inline const Spec kMarketBookResyncs{"market_book_resyncs_total", "Times the local book was built anew"};
inline const Spec kMarketDataAge{"market_data_age_seconds", "Since the last market event arrived"};
// labels: symbol, interval
inline const Spec kMarketKlines{"market_klines_closed_total", "Closed klines published"};
inline const Spec kMarketTradesLate{"market_trades_late_total", "Trades that came after their candle was closed"};
// labels: event_type
inline const Spec kMarketEventsDropped{"market_events_dropped_total", "Market events dropped before the bus took them"};

inline const Spec kLogRecordsDropped{"log_records_dropped_total", "Log records dropped because the disk was behind"};

}  // namespace quantum::metrics
