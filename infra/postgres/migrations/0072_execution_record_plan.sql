-- An approval's statements travel with its COMMIT, so that nobody reads an answer before it commits.

-- 0071's question as a condition. QT001 is our own SQLSTATE (platform/postgres/sqlstate.h).
CREATE FUNCTION execution_require_lease(p_account text, p_token bigint, p_holder text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT execution_fence(p_account, p_token, p_holder) THEN
    RAISE EXCEPTION 'NOT_LEADER: another process writes for the account; nothing was recorded' USING ERRCODE = 'QT001';
  END IF;
END $$;

-- Records the intents of a decision, its entry first, and its trade. False: the decision was recorded before, perhaps as
-- a refusal, which has no other row; nothing is changed then. p_orders: a list of rows of `orders`; p_trade: one of
-- `trades`, or NULL. One function, since most of what these rows cost is reading and planning statements of a hundred
-- parameters. A column that a row lacks becomes NULL, not its default: a migration that adds one replaces this function.
CREATE FUNCTION execution_record_plan(p_orders jsonb, p_trade jsonb)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO orders SELECT * FROM jsonb_populate_record(NULL::orders, p_orders -> 0) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO orders SELECT * FROM jsonb_populate_recordset(NULL::orders, p_orders - 0) ON CONFLICT DO NOTHING;
  IF p_trade IS NOT NULL THEN
    INSERT INTO trades SELECT * FROM jsonb_populate_record(NULL::trades, p_trade) ON CONFLICT DO NOTHING;
  END IF;
  RETURN true;
END $$;
