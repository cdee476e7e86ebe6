-- Funding that the exchange has settled, once each by its id; positions carry the sum. Paid is positive, received negative.

CREATE TABLE funding_payments (
  symbol     text NOT NULL,
  payment_id bigint NOT NULL,
  paid       NUMERIC(28,8) NOT NULL,
  paid_at    timestamptz NOT NULL,
  PRIMARY KEY (symbol, payment_id)
);
CREATE INDEX funding_payments_paid_at ON funding_payments (paid_at DESC);

ALTER TABLE positions ADD COLUMN funding NUMERIC(28,8) NOT NULL DEFAULT 0;
