-- Funding paid (negative: received), as position.updated tells it: net results are after fees and funding.

ALTER TABLE portfolio_positions ADD COLUMN funding numeric(28, 8) NOT NULL DEFAULT 0;
ALTER TABLE portfolio_snapshots ADD COLUMN funding numeric(28, 8) NOT NULL DEFAULT 0;
