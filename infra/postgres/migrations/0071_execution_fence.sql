-- Whether this process still writes for the account; if so nobody takes over before the transaction has ended. As a
-- function its plan is kept (0070).
CREATE FUNCTION execution_fence(p_account text, p_token bigint, p_holder text)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  -- A holder that is stopped in the middle of its transaction must not keep others from taking over.
  PERFORM set_config('idle_in_transaction_session_timeout', '1s', true);
  PERFORM FROM execution_lease WHERE account = p_account AND token = p_token AND holder = p_holder FOR KEY SHARE;
  RETURN FOUND;
END $$;
