-- Refusals that leave no other record. A refused decision stands in risk_decisions, a refused order in orders.

-- Owned by risk-safety: decisions under the id of another one, which has its own verdict.
CREATE TABLE risk_refusals (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  correlation_id text        NOT NULL,
  decision_id    text        NOT NULL,
  symbol         text        NOT NULL,
  refusals       jsonb       NOT NULL,
  decision       jsonb       NOT NULL,
  refused_at     timestamptz NOT NULL DEFAULT now()
);

-- Owned by execution: orders by hand that were refused before anybody decided on them.
CREATE TABLE manual_refusals (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  correlation_id text        NOT NULL,
  decision_id    text        NOT NULL,
  symbol         text        NOT NULL,
  code           text        NOT NULL,
  detail         text        NOT NULL,
  refused_at     timestamptz NOT NULL DEFAULT now()
);

-- `quantum trace` asks by it.
CREATE INDEX risk_decisions_correlation ON risk_decisions (correlation_id) WHERE NOT approved;
CREATE INDEX risk_refusals_correlation ON risk_refusals (correlation_id);
CREATE INDEX orders_correlation ON orders (correlation_id) WHERE status IN ('REJECTED', 'CANCELED', 'EXPIRED');
CREATE INDEX manual_refusals_correlation ON manual_refusals (correlation_id);
