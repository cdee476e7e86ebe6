-- 0070's function for all events of a transaction at once, each an object with the columns that it brings: one look for rows
-- that wait, one lock a stream, one statement to plan. One row of the answer for each event, in their order. The form for
-- one event stays for processes that were started before.
CREATE FUNCTION outbox_add(p_producer text, p_numbers boolean, p_events jsonb,
                           OUT o_incarnation text, OUT o_sequence bigint)
RETURNS SETOF record LANGUAGE plpgsql SET enable_seqscan TO off AS $$
DECLARE
  numbers boolean := p_numbers AND NOT EXISTS (SELECT FROM outbox WHERE producer = p_producer AND sequence IS NULL);
  given outbox_stream;
  event outbox;
BEGIN
  FOR event IN SELECT * FROM jsonb_populate_recordset(NULL::outbox, p_events) LOOP
    IF numbers AND given.family IS DISTINCT FROM event.family THEN
      SELECT * INTO given FROM outbox_stream WHERE producer = p_producer AND family = event.family
         FOR UPDATE SKIP LOCKED;
      numbers := FOUND;  -- what comes behind one that waits for its number waits as well
    END IF;
    IF numbers THEN
      given.last_sequence := given.last_sequence + 1;
      UPDATE outbox_stream SET last_sequence = given.last_sequence
       WHERE producer = p_producer AND family = given.family;
    END IF;
    o_incarnation := CASE WHEN numbers THEN given.incarnation END;
    o_sequence := CASE WHEN numbers THEN given.last_sequence END;
    INSERT INTO outbox (producer, family, incarnation, sequence, event_id, type, version, source, key, cid, cause,
                        ts_ns, payload)
    VALUES (p_producer, event.family, o_incarnation, o_sequence, event.event_id, event.type, event.version,
            event.source, event.key, event.cid, event.cause, event.ts_ns, event.payload);
    RETURN NEXT;
  END LOOP;
END $$;
