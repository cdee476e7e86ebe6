-- The event bus's half in Postgres: events that leave if and only if their transaction commits (outbox), and events
-- whose effect is committed exactly once (inbox).

-- An event waiting for the relay of the process named `producer`. sequence and incarnation are given by the relay, not
-- here: ids come out of commit order, and only a number given after the commit can be gapless.
CREATE TABLE outbox (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  producer    text   NOT NULL,
  family      text   NOT NULL,
  incarnation text,
  sequence    bigint,
  relayed_at  timestamptz,
  event_id    uuid   NOT NULL,
  type        text   NOT NULL,
  version     integer NOT NULL,
  source      text   NOT NULL,
  key         text   NOT NULL,
  cid         text   NOT NULL,
  cause       text   NOT NULL,
  ts_ns       bigint NOT NULL,
  payload     text   NOT NULL
);
CREATE INDEX outbox_unnumbered ON outbox (producer, id) WHERE sequence IS NULL;
CREATE INDEX outbox_waiting ON outbox (producer, family, sequence) WHERE relayed_at IS NULL;
CREATE INDEX outbox_relayed ON outbox (producer, family, sequence) WHERE relayed_at IS NOT NULL;

-- The numbers given so far, per stream. The incarnation stands for this database: a database set back to an earlier
-- state gets a new one, because it would give numbers a second time.
CREATE TABLE outbox_stream (
  producer      text   NOT NULL,
  family        text   NOT NULL,
  incarnation   text   NOT NULL,
  last_sequence bigint NOT NULL,
  PRIMARY KEY (producer, family)
);

-- Events whose effect is committed, written in the transaction of the effect. Kept seven days.
CREATE TABLE inbox (
  group_name  text   NOT NULL,
  family      text   NOT NULL,
  producer    text   NOT NULL,
  incarnation text   NOT NULL,
  sequence    bigint NOT NULL,
  applied_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (group_name, family, producer, incarnation, sequence)
);
CREATE INDEX inbox_applied_at ON inbox (applied_at);
