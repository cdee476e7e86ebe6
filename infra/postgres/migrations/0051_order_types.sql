-- Trailing stops: a leg of their own, at a distance that the exchange keeps.
ALTER TABLE orders DROP CONSTRAINT orders_leg_check;
ALTER TABLE orders ADD CONSTRAINT orders_leg_check
  CHECK (leg IN ('ENTRY', 'STOP_LOSS', 'TAKE_PROFIT', 'TRAILING_STOP', 'CLOSE'));
ALTER TABLE orders ADD COLUMN callback_percent NUMERIC(28,8) NOT NULL DEFAULT 0;
