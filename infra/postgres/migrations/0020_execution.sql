-- Execution's truth: what was meant (INTENT), what the exchange reported, and what came of it.

CREATE TABLE orders (
  client_order_id   text PRIMARY KEY,
  exchange_order_id text NOT NULL DEFAULT '',
  decision_id       text NOT NULL,
  correlation_id    text NOT NULL DEFAULT '',
  symbol            text NOT NULL,
  leg               text NOT NULL CHECK (leg IN ('ENTRY', 'STOP_LOSS', 'TAKE_PROFIT', 'CLOSE')),
  side              text NOT NULL CHECK (side IN ('BUY', 'SELL')),
  type              text NOT NULL,
  time_in_force     text NOT NULL,
  quantity          NUMERIC(28,8) NOT NULL CHECK (quantity > 0),
  price             NUMERIC(28,8) NOT NULL DEFAULT 0,
  trigger_price     NUMERIC(28,8) NOT NULL DEFAULT 0,
  reduce_only       boolean NOT NULL,
  status            text NOT NULL,
  filled_quantity   NUMERIC(28,8) NOT NULL DEFAULT 0,
  average_price     NUMERIC(28,8) NOT NULL DEFAULT 0,
  fee               NUMERIC(28,8) NOT NULL DEFAULT 0,
  version           bigint NOT NULL,
  reason            text NOT NULL DEFAULT '',
  mode              text NOT NULL CHECK (mode IN ('PAPER', 'TESTNET', 'LIVE')),
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL,
  -- Whatever closes or protects can never open or flip.
  CHECK (leg = 'ENTRY' OR reduce_only)
);
CREATE INDEX orders_status ON orders (status);
CREATE INDEX orders_decision ON orders (decision_id);
CREATE INDEX orders_created ON orders (created_at DESC);

-- Every execution once, by the venue's trade id.
CREATE TABLE fills (
  symbol            text NOT NULL,
  trade_id          bigint NOT NULL,
  client_order_id   text NOT NULL,
  exchange_order_id text NOT NULL DEFAULT '',
  side              text NOT NULL CHECK (side IN ('BUY', 'SELL')),
  price             NUMERIC(28,8) NOT NULL CHECK (price > 0),
  quantity          NUMERIC(28,8) NOT NULL CHECK (quantity > 0),
  fee               NUMERIC(28,8) NOT NULL,
  fee_asset         text NOT NULL,
  realized_pnl      NUMERIC(28,8) NOT NULL,
  maker             boolean NOT NULL,
  filled_at         timestamptz NOT NULL,
  PRIMARY KEY (symbol, trade_id)
);
CREATE INDEX fills_order ON fills (client_order_id);
CREATE INDEX fills_filled_at ON fills (filled_at DESC);

-- Up to which trade id every fill of a symbol is known.
CREATE TABLE fill_cursors (
  symbol   text PRIMARY KEY,
  trade_id bigint NOT NULL
);

CREATE TABLE positions (
  symbol       text PRIMARY KEY,
  quantity     NUMERIC(28,8) NOT NULL,
  entry_price  NUMERIC(28,8) NOT NULL,
  realized_pnl NUMERIC(28,8) NOT NULL,
  fees         NUMERIC(28,8) NOT NULL,
  protected    boolean NOT NULL,
  updated_at   timestamptz NOT NULL
);

CREATE TABLE trades (
  trade_id          text PRIMARY KEY,
  symbol            text NOT NULL,
  side              text NOT NULL CHECK (side IN ('LONG', 'SHORT')),
  status            text NOT NULL
                    CHECK (status IN ('PENDING', 'OPEN', 'PARTIAL_TP', 'CLOSED', 'CANCELLED', 'FAILED')),
  quantity          NUMERIC(28,8) NOT NULL,
  leverage          integer NOT NULL,
  margin_usd        NUMERIC(28,8),
  entry_price       NUMERIC(28,8),
  entry_time        timestamptz,
  sl_price          NUMERIC(28,8),
  tp_price          NUMERIC(28,8),
  trail_percent     NUMERIC(28,8),
  exit_price        NUMERIC(28,8),
  exit_time         timestamptz,
  close_reason      text,
  pnl_usd           NUMERIC(28,8),
  pnl_pct           NUMERIC(28,8),
  r_multiple        NUMERIC(28,8),
  entry_fee_usd     NUMERIC(28,8),
  exit_fee_usd      NUMERIC(28,8),
  funding_fees_usd  NUMERIC(28,8),
  model             text,
  confidence        double precision,
  strategy          text,
  regime            text,
  exchange_order_id text,
  sl_order_id       text,
  tp_order_id       text,
  metadata          jsonb NOT NULL DEFAULT '{}',
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL
);
CREATE INDEX trades_status ON trades (status);
CREATE INDEX trades_symbol_status ON trades (symbol, status);
CREATE INDEX trades_entry_time ON trades (entry_time DESC);

-- A manual order's idempotency key: the same key with another body is refused.
CREATE TABLE manual_orders (
  idempotency_key text PRIMARY KEY,
  body_hash       text NOT NULL,
  decision_id     text NOT NULL,
  status          integer,  -- of the answer, once risk-safety has decided
  answer          text,
  created_at      timestamptz NOT NULL DEFAULT now()
);
