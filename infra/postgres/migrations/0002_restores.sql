-- Each restore that replaced the database: written into the copy before it takes the place of the living one.
CREATE TABLE restores (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  restored_at timestamptz NOT NULL,
  restored_to timestamptz NOT NULL,     -- the last commit that is in it
  backup text NOT NULL,                 -- its label
  -- Consumer groups of the bus that act on this database go back to here ("1700000000000", Unix milliseconds); what they
  -- applied before is in the inbox. NULL in groups_replayed_at: they have not yet.
  replay_from text NOT NULL,
  groups_replayed_at timestamptz
);
