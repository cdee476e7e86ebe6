-- Owned by risk-safety: policies with their audit trail, the emergency stop, decisions and reservations.

CREATE TABLE policies (
  key        text PRIMARY KEY,
  value      jsonb       NOT NULL,
  version    bigint      NOT NULL CHECK (version > 0),
  updated_by text        NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE policy_audit (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key        text        NOT NULL,
  old_value  jsonb,
  new_value  jsonb       NOT NULL,
  version    bigint      NOT NULL,
  changed_by text        NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (key, version)
);

INSERT INTO policies (key, value, version, updated_by) VALUES
  ('active_profile', '"NORMAL"', 1, 'migration'),
  ('trading_state', '"ACTIVE"', 1, 'migration'),
  ('AGGRESSIVE_SMALL_ACCOUNT', '{"leverage_max": 7, "leverage_min": 2, "risk_per_trade_percent_max": "3", "daily_drawdown_percent_max": "6", "positions_max": 15, "confidence_min": 0.45, "scaling_factor": 1.5, "position_usd_max": "300"}', 1, 'migration'),
  ('NORMAL', '{"leverage_max": 5, "leverage_min": 1, "risk_per_trade_percent_max": "1.5", "daily_drawdown_percent_max": "5", "positions_max": 30, "confidence_min": 0.50, "scaling_factor": 1.0, "position_usd_max": "1000"}', 1, 'migration'),
  ('DEFENSIVE', '{"leverage_max": 3, "leverage_min": 1, "risk_per_trade_percent_max": "0.75", "daily_drawdown_percent_max": "3", "positions_max": 10, "confidence_min": 0.60, "scaling_factor": 0.7, "position_usd_max": "500"}', 1, 'migration');

INSERT INTO policy_audit (key, old_value, new_value, version, changed_by)
  SELECT key, NULL, value, version, updated_by FROM policies;

-- One row: the state; the history keeps every change.
CREATE TABLE ess_state (
  singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  record     jsonb  NOT NULL,
  version    bigint NOT NULL
);

CREATE TABLE ess_history (
  version    bigint PRIMARY KEY,
  record     jsonb       NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now()
);

-- Equity at the start of each UTC day, as first seen: the base of the daily drawdown.
CREATE TABLE risk_days (
  day          date PRIMARY KEY,
  start_equity numeric(28, 8) NOT NULL
);

-- Every decision is decided once.
CREATE TABLE risk_decisions (
  decision_id    text PRIMARY KEY,
  correlation_id text        NOT NULL,
  symbol         text        NOT NULL,
  approved       boolean     NOT NULL,
  refusals       jsonb       NOT NULL,
  decision       jsonb       NOT NULL,
  decided_at     timestamptz NOT NULL DEFAULT now()
);

-- Risk that was promised to a decision until its trade is closed or its entry came to nothing.
CREATE TABLE reservations (
  reservation_id text PRIMARY KEY,
  decision_id    text        NOT NULL UNIQUE,
  symbol         text        NOT NULL,
  side           text        NOT NULL CHECK (side IN ('BUY', 'SELL')),
  notional       numeric(28, 8) NOT NULL CHECK (notional > 0),
  margin         numeric(28, 8) NOT NULL CHECK (margin > 0),
  state          text        NOT NULL CHECK (state IN ('RESERVED', 'FILLED', 'RELEASED')),
  expires_at     timestamptz NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  released_at    timestamptz
);
CREATE INDEX reservations_open ON reservations (state) WHERE state <> 'RELEASED';
