-- The trades of the old system, which kept them in SQLite, on their way into the table `trades` (0020_execution.sql), and
-- the time in which both stores are written. docs/tradestore.md says how it goes.

-- How far it is. One row, from the first `tradestore migrate` on.
CREATE TABLE tradestore (
  id                smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  phase             text NOT NULL CHECK (phase IN ('COPYING', 'DUAL', 'SWITCHED', 'FINISHED', 'ROLLED_BACK')),
  source            text NOT NULL,  -- the old system's file
  file              text NOT NULL,  -- the platform's copy of it, which follows Postgres while both are written
  archive           text,           -- where that copy went in the end
  precisions        jsonb NOT NULL, -- by symbol, [tick, step]: what the numbers were taken for multiples of
  last_legacy_rowid bigint NOT NULL,  -- rows of the file up to this one are the old system's
  copied_rowid      bigint NOT NULL,  -- of these, the rows up to this one are in `trades` or aside
  good              bigint NOT NULL DEFAULT 0,
  repeated          bigint NOT NULL DEFAULT 0,  -- the same trade once more, or in `trades` already
  odd               bigint NOT NULL DEFAULT 0,  -- aside
  started_at        timestamptz NOT NULL,
  dual_since        timestamptz,
  switched_at       timestamptz,
  ended_at          timestamptz,  -- finished, or rolled back
  -- The last comparison of all of both stores.
  compared_at       timestamptz,
  compared_rows     bigint NOT NULL DEFAULT 0,
  differences       bigint NOT NULL DEFAULT 0,
  difference_examples text[] NOT NULL DEFAULT '{}'
);

-- Rows of the old file that could not become trades, as they stand there, for a person to look at.
CREATE TABLE tradestore_aside (
  migration bigint NOT NULL,  -- when it was begun, in Unix ms
  source    text NOT NULL,    -- the file
  rowid     bigint NOT NULL,
  trade_id  text NOT NULL,
  reasons   text[] NOT NULL,
  cells     json NOT NULL,
  PRIMARY KEY (migration, rowid)
);

-- Trades that were written here and not yet to the file. Filled in the transaction that writes the trade, so that a
-- trade is either in both stores in the end or in none; emptied once the file has it on disk.
CREATE TABLE tradestore_queue (
  seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  trade_id text NOT NULL
);
CREATE FUNCTION tradestore_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tradestore_queue (trade_id) VALUES (NEW.trade_id);
  RETURN NULL;
END
$$;
CREATE TRIGGER tradestore_dual_write AFTER INSERT OR UPDATE ON trades
  FOR EACH ROW EXECUTE FUNCTION tradestore_note();
-- Costs nothing where nobody migrates: `tradestore migrate` enables it.
ALTER TABLE trades DISABLE TRIGGER tradestore_dual_write;
