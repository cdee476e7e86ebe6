-- One writer per account: who holds it counts `renewal` up twice a second; who waits takes it, under the next token, once
-- it has seen no renewal for a while. Every transaction of execution names the token that it was made under, and
-- fails under an older one.

CREATE TABLE execution_lease (
  account  text PRIMARY KEY,
  holder   text NOT NULL,
  token    bigint NOT NULL,
  renewal  bigint NOT NULL,
  released boolean NOT NULL,
  since    timestamptz NOT NULL DEFAULT now(),
  -- Makes the token a key: FOR KEY SHARE of a writer waits for a takeover and not for a renewal.
  UNIQUE (account, token)
);
INSERT INTO execution_lease (account, holder, token, renewal, released)
SELECT mode, '', 0, 0, true FROM unnest(ARRAY['PAPER', 'TESTNET', 'LIVE']) AS mode;

-- The token under which the order was recorded as an intent; 0: before there were tokens.
ALTER TABLE orders ADD COLUMN fence bigint NOT NULL DEFAULT 0;
