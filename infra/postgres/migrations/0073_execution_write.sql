-- What changed of orders and positions, as one statement: most of what these rows cost is reading and planning
-- statements of some hundred parameters (0072 has the same reason).

-- p_changes: lists of rows by the name of their table; each row once, but for fills and payments, which repeat harmlessly.
-- Older snapshots never overwrite newer ones. A column that a row lacks becomes NULL, not its default: a migration that
-- adds one replaces this function.
CREATE FUNCTION execution_write(p_changes jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF p_changes ? 'orders' THEN
    INSERT INTO orders SELECT * FROM jsonb_populate_recordset(NULL::orders, p_changes -> 'orders')
    ON CONFLICT (client_order_id) DO UPDATE SET
      exchange_order_id = excluded.exchange_order_id, quantity = excluded.quantity,
      trigger_price = excluded.trigger_price, status = excluded.status,
      filled_quantity = excluded.filled_quantity, average_price = excluded.average_price, fee = excluded.fee,
      version = excluded.version, reason = excluded.reason, updated_at = excluded.updated_at
    WHERE orders.version < excluded.version;
  END IF;
  IF p_changes ? 'fills' THEN
    INSERT INTO fills SELECT * FROM jsonb_populate_recordset(NULL::fills, p_changes -> 'fills') ON CONFLICT DO NOTHING;
  END IF;
  IF p_changes ? 'funding_payments' THEN
    INSERT INTO funding_payments
    SELECT * FROM jsonb_populate_recordset(NULL::funding_payments, p_changes -> 'funding_payments')
    ON CONFLICT DO NOTHING;
  END IF;
  IF p_changes ? 'positions' THEN
    INSERT INTO positions SELECT * FROM jsonb_populate_recordset(NULL::positions, p_changes -> 'positions')
    ON CONFLICT (symbol) DO UPDATE SET
      quantity = excluded.quantity, entry_price = excluded.entry_price, realized_pnl = excluded.realized_pnl,
      fees = excluded.fees, protected = excluded.protected, funding = excluded.funding, updated_at = excluded.updated_at;
  END IF;
  IF p_changes ? 'trades' THEN
    INSERT INTO trades SELECT * FROM jsonb_populate_recordset(NULL::trades, p_changes -> 'trades')
    ON CONFLICT (trade_id) DO UPDATE SET
      status = excluded.status, quantity = excluded.quantity, margin_usd = excluded.margin_usd,
      entry_price = excluded.entry_price, entry_time = excluded.entry_time, sl_price = excluded.sl_price,
      exit_price = excluded.exit_price, exit_time = excluded.exit_time, close_reason = excluded.close_reason,
      pnl_usd = excluded.pnl_usd, pnl_pct = excluded.pnl_pct, r_multiple = excluded.r_multiple,
      entry_fee_usd = excluded.entry_fee_usd, exit_fee_usd = excluded.exit_fee_usd,
      funding_fees_usd = excluded.funding_fees_usd, exchange_order_id = excluded.exchange_order_id,
      sl_order_id = excluded.sl_order_id, tp_order_id = excluded.tp_order_id, metadata = excluded.metadata,
      updated_at = excluded.updated_at;
  END IF;
  IF p_changes ? 'fill_cursors' THEN
    INSERT INTO fill_cursors SELECT * FROM jsonb_populate_recordset(NULL::fill_cursors, p_changes -> 'fill_cursors')
    ON CONFLICT (symbol) DO UPDATE SET trade_id = greatest(fill_cursors.trade_id, excluded.trade_id);
  END IF;
END $$;
