-- The outbox's statements as functions. A function's plans are kept by the server's connection, which PgBouncer hands
-- from client to client: planned anew at each call, these statements took half of what Postgres computed for an order.
-- Plans are made once, perhaps while a table is empty: no sequential scans, which would be kept for a full one.

-- Adds a row and answers its number, if p_numbers: a process whose relay has not compared with the broker yet may stand
-- on a database that was set back, whose next numbers are taken. Numbers are gapless and follow the commits, for the
-- row of outbox_stream stays locked until the transaction ends. Nobody waits for that lock: where another transaction
-- numbers, or a row waits for its number already, this one waits for the relay's too. So of one key, whose
-- transactions are ordered by a row lock, a later event never has the smaller number.
CREATE FUNCTION outbox_add(p_producer text, p_family text, p_event_id uuid, p_type text, p_version integer,
                           p_source text, p_key text, p_cid text, p_cause text, p_ts_ns bigint, p_payload text,
                           p_numbers boolean, OUT o_incarnation text, OUT o_sequence bigint)
LANGUAGE plpgsql SET enable_seqscan TO off AS $$
DECLARE
  given outbox_stream;
BEGIN
  IF p_numbers AND NOT EXISTS (SELECT FROM outbox WHERE producer = p_producer AND sequence IS NULL) THEN
    SELECT * INTO given FROM outbox_stream WHERE producer = p_producer AND family = p_family FOR UPDATE SKIP LOCKED;
    UPDATE outbox_stream SET last_sequence = given.last_sequence + 1
     WHERE producer = given.producer AND family = given.family;
  END IF;
  o_incarnation := given.incarnation;
  o_sequence := given.last_sequence + 1;
  INSERT INTO outbox (producer, family, incarnation, sequence, event_id, type, version, source, key, cid, cause, ts_ns,
                      payload)
  VALUES (p_producer, p_family, o_incarnation, o_sequence, p_event_id, p_type, p_version, p_source,
          p_key, p_cid, p_cause, p_ts_ns, p_payload);
END $$;

-- What the relay sends next: p_lane_max rows of each incarnation of each family, in the order of their numbers. Rows
-- without a number get it here, under the lock of all the producer's streams, so that everything given before is visible;
-- they must not be sent before this has committed.
CREATE FUNCTION outbox_take(p_producer text, p_lane_max integer)
RETURNS SETOF outbox LANGUAGE plpgsql SET enable_seqscan TO off AS $$
BEGIN
  IF EXISTS (SELECT FROM outbox WHERE producer = p_producer AND sequence IS NULL) THEN
    INSERT INTO outbox_stream (producer, family, incarnation, last_sequence)
    SELECT DISTINCT p_producer, family, replace(gen_random_uuid()::text, '-', ''), 0
      FROM outbox WHERE producer = p_producer AND sequence IS NULL ON CONFLICT DO NOTHING;
    PERFORM FROM outbox_stream WHERE producer = p_producer ORDER BY family FOR UPDATE;
    WITH fresh AS (
      SELECT id, family, row_number() OVER (PARTITION BY family ORDER BY id) AS place
      FROM (SELECT id, family FROM outbox WHERE producer = p_producer AND sequence IS NULL
            ORDER BY id LIMIT 4 * p_lane_max) AS oldest
    ), numbered AS (
      UPDATE outbox AS o SET sequence = s.last_sequence + f.place, incarnation = s.incarnation
      FROM fresh AS f JOIN outbox_stream AS s ON s.producer = p_producer AND s.family = f.family
      WHERE o.id = f.id
      RETURNING o.family, o.sequence
    )
    UPDATE outbox_stream AS s SET last_sequence = n.top
    FROM (SELECT family, max(sequence) AS top FROM numbered GROUP BY family) AS n
    WHERE s.producer = p_producer AND s.family = n.family;
  END IF;
  RETURN QUERY
  SELECT (waiting.o).* FROM (
    SELECT o, row_number() OVER (PARTITION BY o.family, o.incarnation ORDER BY o.sequence) AS place
    FROM outbox AS o WHERE o.producer = p_producer AND o.sequence IS NOT NULL AND o.relayed_at IS NULL) AS waiting
  WHERE place <= p_lane_max ORDER BY (waiting.o).family, (waiting.o).incarnation, (waiting.o).sequence;
  IF FOUND THEN
    -- After a crash of the server rows are visible that no standby has: whoever sends them waits until one does.
    PERFORM set_config('synchronous_commit', 'on', true);
    PERFORM pg_logical_emit_message(true, 'outbox', '');
  END IF;
END $$;

-- The broker holds these rows. A mark that a crash forgets has its rows sent again, which the broker skips: nobody waits
-- for the disk and the standby.
CREATE FUNCTION outbox_mark(p_producer text, p_family text, p_incarnation text, p_first bigint, p_last bigint)
RETURNS void LANGUAGE plpgsql SET enable_seqscan TO off AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  UPDATE outbox SET relayed_at = now()
   WHERE producer = p_producer AND family = p_family AND incarnation = p_incarnation
     AND sequence BETWEEN p_first AND p_last AND relayed_at IS NULL;
END $$;
