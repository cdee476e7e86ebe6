-- Owned by portfolio-intelligence: what it learned from events, and what it computed from that.

CREATE TABLE portfolio_positions (
  symbol       text PRIMARY KEY,
  quantity     numeric(28, 8) NOT NULL,
  entry_price  numeric(28, 8) NOT NULL,
  realized_pnl numeric(28, 8) NOT NULL,
  fees         numeric(28, 8) NOT NULL,
  event_ms     bigint NOT NULL
);

CREATE TABLE portfolio_trades (
  trade_id     text PRIMARY KEY,
  symbol       text NOT NULL,
  side         text NOT NULL,
  strategy     text NOT NULL,
  close_reason text NOT NULL,
  realized_pnl numeric(28, 8) NOT NULL,
  fees         numeric(28, 8) NOT NULL,
  closed_ms    bigint NOT NULL
);

-- One row: the highest equity ever seen, so that a restart forgets no drawdown.
CREATE TABLE portfolio_peak (
  singleton        boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  equity           numeric(28, 8) NOT NULL,
  reached_at       timestamptz NOT NULL,
  drawdown_max_percent numeric(12, 6) NOT NULL
);

CREATE TABLE portfolio_snapshots (
  taken_at         timestamptz PRIMARY KEY,
  equity           numeric(28, 8) NOT NULL,
  wallet           numeric(28, 8) NOT NULL,
  unrealized_pnl   numeric(28, 8) NOT NULL,
  realized_pnl     numeric(28, 8) NOT NULL,
  fees             numeric(28, 8) NOT NULL,
  exposure_long    numeric(28, 8) NOT NULL,
  exposure_short   numeric(28, 8) NOT NULL,
  drawdown_percent numeric(12, 6) NOT NULL
);
