-- One row that commits once a second. A restore to a moment ends before the first transaction that committed after it;
-- on an idle database that one may be the very DROP that the restore is to undo, and dropping a database removes its
-- files before it commits.
CREATE TABLE heartbeat (
  id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  at timestamptz NOT NULL
);
