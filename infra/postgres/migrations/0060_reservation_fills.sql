-- When a reservation's fill was recorded: its margin counts as promised until the account was read after that.
ALTER TABLE reservations ADD COLUMN filled_at timestamptz;
