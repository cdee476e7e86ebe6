#!lua name=quantum_bus_4

-- The broker's half of the event bus: an idempotent append. A producer numbers its events per incarnation and stream;
-- the broker remembers the last number of each and takes none twice. State and stream share a slot by their braces.
--
-- The number at the end of the names is the version of this contract: old and new services may run side by side.

local FIELDS = {'id', 'type', 'v', 'source', 'key', 'cid', 'cause', 'ts', 'payload'}

local function lane_of(producer, incarnation)
  return producer .. '/' .. incarnation
end

-- The remembered state is "<last sequence> <unix seconds of the last append>".
local function last_of(producers, lane)
  local state = redis.call('HGET', producers, lane)
  if not state then
    return 0
  end
  return tonumber(string.match(state, '^%d+'))
end

local function remember(producers, lane, last)
  redis.call('HSET', producers, lane, string.format('%.0f %s', last, redis.call('TIME')[1]))
end

-- One process sends under a producer's name: the one that was started last. A session begins with the time of the
-- start, in digits of fixed width, so the greater is the later; it stands beside the sequences. A replica that lagged and
-- was promoted may hold an older one: then the present process simply writes its own again. Answers an error for a
-- process whose twin was started after it.
local function fence(producers, producer, session)
  local field = '@' .. producer
  local state = redis.call('HGET', producers, field)
  local held = state and string.match(state, '^%S+')
  if held and held > session then
    return redis.error_reply('FENCED a process that was started later sends as ' .. producer)
  end
  if held ~= session then
    redis.call('HSET', producers, field, session .. ' ' .. redis.call('TIME')[1])
  end
end

-- KEYS: stream, producers. ARGV: producer, incarnation, session ("" for none), sequences of the first and of the last
-- event, "gap" or "", then of each entry how many events it holds and, of one, its nine FIELDS, of several one word that
-- holds them all. Answers {last sequence held, events appended}. Entries up to the last sequence are skipped; nothing is
-- appended from an entry on of which a part is held, nor if the first event is beyond the next one (the sender has to go
-- back), unless "gap" says that what lies between does not exist any more. Nothing is appended either while the stream is
-- over its memory quota (field "!quota" says why).
local HEAD = 6
local function append(keys, args)
  local stream, producers = keys[1], keys[2]
  local producer, incarnation, session = args[1], args[2], args[3]
  local first, final, gap = tonumber(args[4]), tonumber(args[5]), args[6] == 'gap'
  if session ~= '' then
    local fenced = fence(producers, producer, session)
    if fenced then
      return fenced
    end
  end
  local lane = lane_of(producer, incarnation)
  local last = last_of(producers, lane)
  local quota = redis.call('HGET', producers, '!quota')
  if quota and final > last then
    return redis.error_reply('QUOTA ' .. quota)
  end
  local appended = 0
  local failure = nil
  local at, sequence = HEAD + 1, first
  while (first <= last + 1 or gap) and at <= #args do
    local count = tonumber(args[at])
    local words = count == 1 and #FIELDS or 1
    if sequence > last then
      local entry = {'XADD', stream, '*', 'producer', producer, 'inc', incarnation,
                     'seq', string.format('%.0f', sequence)}
      if count == 1 then
        for f, name in ipairs(FIELDS) do
          entry[#entry + 1] = name
          entry[#entry + 1] = args[at + f]
        end
      else
        for _, word in ipairs({'n', args[at], 'events_zstd', args[at + 1]}) do
          entry[#entry + 1] = word
        end
      end
      local answer = redis.pcall(unpack(entry))
      if type(answer) == 'table' and answer.err then
        failure = answer
        break
      end
      last = sequence + count - 1
      appended = appended + count
    elseif sequence + count - 1 > last then
      break
    end
    at = at + 1 + words
    sequence = sequence + count
  end
  -- Written in any case and after a failure too: what was appended is never rolled back, and a WAIT after this call
  -- must cover what an earlier connection appended.
  remember(producers, lane, last)
  if failure then
    return failure
  end
  return {last, appended}
end

-- KEYS: producers. ARGV: producer, incarnation. Answers the last sequence held, 0 if none.
local function last(keys, args)
  return last_of(keys[1], lane_of(args[1], args[2]))
end

-- KEYS: producers. ARGV: seconds. Forgets the incarnations that appended nothing for so long. Answers how many.
local function forget(keys, args)
  local before = tonumber(redis.call('TIME')[1]) - tonumber(args[1])
  local lanes = redis.call('HGETALL', keys[1])
  local forgotten = 0
  for i = 1, #lanes, 2 do
    if lanes[i] ~= '!quota' and tonumber(string.match(lanes[i + 1], '%d+$')) < before then
      redis.call('HDEL', keys[1], lanes[i])
      forgotten = forgotten + 1
    end
  end
  return forgotten
end

local function field(pairs_of, name)
  for i = 1, #pairs_of, 2 do
    if pairs_of[i] == name then
      return pairs_of[i + 1]
    end
  end
end

-- KEYS: stream. ARGV: group, consumer. Removes the consumer if nothing is pending for it. Answers 1 if it did.
local function drop_consumer(keys, args)
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', keys[1], args[1])) do
    if field(consumer, 'name') == args[2] and field(consumer, 'pending') == 0 then
      redis.call('XGROUP', 'DELCONSUMER', keys[1], args[1], args[2])
      return 1
    end
  end
  return 0
end

-- KEYS: stream. ARGV: group. Answers how many entries the group has not been given; nil while the broker cannot know.
-- It counts what each group was given, and a replica may have counted otherwise (7.0): a new master says that a group
-- lags which has been given everything. Where that is so, the count is set right.
local function lag(keys, args)
  local stream = redis.call('XINFO', 'STREAM', keys[1])
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', keys[1])) do
    if field(group, 'name') == args[1] then
      local counted, newest = field(group, 'lag'), field(stream, 'last-generated-id')
      if field(group, 'last-delivered-id') ~= newest then
        return counted
      end
      if counted ~= 0 then
        redis.call('XGROUP', 'SETID', keys[1], args[1], newest, 'ENTRIESREAD', field(stream, 'entries-added'))
      end
      return 0
    end
  end
end

-- KEYS: producers. ARGV: why the stream's publishers must wait. May be told of a broker that is full, too.
local function over_quota(keys, args)
  return redis.call('HSET', keys[1], '!quota', args[1])
end

-- The lease of a group on a stream: which process reads it. A record is a token, greater with each new holder; who
-- holds it ("" for nobody) and in which session, as above; and a beat that every renewal moves. No time stands here: a
-- standby takes the lease when it saw the beat stand still for long enough by its own clock.
local function record_of(key)
  local fields = redis.call('HMGET', key, 'token', 'beat', 'holder', 'session')
  return {token = tonumber(fields[1] or '0'), beat = tonumber(fields[2] or '0'), holder = fields[3] or '',
          session = fields[4] or ''}
end

local function is_held(record, session, token)
  return record.session == session and session ~= '' and record.token == tonumber(token)
end

-- KEYS: lease. ARGV: holder, session, token, how, watched. The token is the greatest that the caller knows, or has. How:
-- "hold", its lease runs; "renew", it had the lease and its time has passed; "ask", it stands by; "take", likewise, and
-- it saw "<token>/<beat>", as watched says, stand still; "claim", it knows that nobody else works any more; "release". Answers {1 if the caller has it now, token, beat,
-- holder}.
local function lease(keys, args)
  local holder, session, token, how, watched = args[1], args[2], tonumber(args[3]), args[4], args[5]
  local record = record_of(keys[1])
  local ours = how ~= 'ask' and how ~= 'take' and how ~= 'claim' and is_held(record, session, args[3])
  -- A replica that lagged and was promoted may have forgotten who came last: then nobody but the one whose lease runs
  -- is believed at once, and the others watch.
  local remembers = record.token >= token
  if how == 'release' then
    if not ours then
      return {0, record.token, record.beat, record.holder}
    end
    holder, session = '', ''
  elseif ours then
    token = record.token
  elseif how == 'hold' and not remembers then
    record.token = token
  elseif how == 'claim' or
         (remembers and (record.session == '' or (record.holder == holder and record.session <= session))) or
         (how == 'take' and watched == string.format('%.0f/%.0f', record.token, record.beat)) then
    record.token = math.max(record.token, token) + 1
  else
    return {0, record.token, record.beat, record.holder}
  end
  record.beat = record.beat + 1
  redis.call('HSET', keys[1], 'token', string.format('%.0f', record.token), 'beat', string.format('%.0f', record.beat),
             'holder', holder, 'session', session)
  return {how == 'release' and 0 or 1, record.token, record.beat, holder}
end

-- KEYS: lease. ARGV: session, token, reading. Before a transaction that watches the lease: for who does not hold it, the
-- record is touched, and so the transaction does nothing. (XREADGROUP itself is no function: its answer would pass
-- through Lua.) The holder numbers its connections, and the newest reads alone: what a request over an earlier one reads
-- that arrives late would wait, and be overtaken. The first transaction of a connection does nothing either.
local function guard(keys, args)
  if not is_held(record_of(keys[1]), args[1], args[2]) then
    redis.call('HINCRBY', keys[1], 'refused', 1)
    return redis.error_reply('LEASE another process reads this stream')
  end
  local token, newest = string.match(redis.call('HGET', keys[1], 'reading') or '', '^(%d+)/(%d+)$')
  if token == args[2] and tonumber(newest) > tonumber(args[3]) then
    redis.call('HINCRBY', keys[1], 'refused', 1)
    return redis.error_reply('READING a later connection of this process reads this stream')
  end
  if token ~= args[2] or newest ~= args[3] then
    redis.call('HSET', keys[1], 'reading', args[2] .. '/' .. args[3])
  end
  return 1
end

-- KEYS: stream, lease. ARGV: session, token, reading, group, consumer, how many entries, "new" or from where pending ones,
-- of which those that nobody touched for so many milliseconds. What such a transaction does, for a broker that is full:
-- it queues no commands then. Answers as EXEC would; behind the new entries stands the newest of the stream.
local function read(keys, args)
  local refused = guard({keys[2]}, args)
  if refused ~= 1 then
    return refused
  end
  local stream, group, consumer, count = keys[1], args[4], args[5], args[6]
  if args[7] ~= 'new' then
    return {redis.call('XAUTOCLAIM', stream, group, consumer, args[8], args[7], 'COUNT', count)}
  end
  return {redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', stream, '>'),
          redis.call('XREVRANGE', stream, '+', '-', 'COUNT', '1')}
end

-- KEYS: stream. ARGV: group. As XGROUP CREATE, which a broker that is full refuses.
local function group(keys, args)
  return redis.pcall('XGROUP', 'CREATE', keys[1], args[1], '0', 'MKSTREAM')
end

-- KEYS: stream, lease. ARGV: group, session, token, entries. Acknowledges for who holds the lease, and for nobody else.
local function acknowledge(keys, args)
  if not is_held(record_of(keys[2]), args[2], args[3]) then
    return redis.error_reply('LEASE another process reads this stream')
  end
  return redis.call('XACK', keys[1], args[1], unpack(args, 4))
end

-- KEYS: stream, lease, dead letters. ARGV: group, session ("" where there are no leases), token, entry, then of each of
-- its dead letters how many words it has, and those. All in one: an entry that one master took off the pending ones, and
-- whose dead letter went down with another, would be lost. Nor is one taken away for another: where there are too many
-- nothing is buried, and what failed stays with its group.
local DEAD_LETTERS_MAX = 10000
local DEAD_LETTER_BYTES_MAX = 64 * 1024 * 1024
local function bury(keys, args)
  local letters = redis.call('XLEN', keys[3])
  if letters >= DEAD_LETTERS_MAX or
     (letters > 0 and redis.call('MEMORY', 'USAGE', keys[3], 'SAMPLES', '5') >= DEAD_LETTER_BYTES_MAX) then
    return redis.error_reply('DEADLETTERS the stream has ' .. letters .. ' dead letters: replay or drop them ' ..
                             '(quantum bus dead-letters), and what failed since follows')
  end
  if args[2] ~= '' and not is_held(record_of(keys[2]), args[2], args[3]) then
    return redis.error_reply('LEASE another process reads this stream')
  end
  local at = 5
  while at <= #args do
    local words = tonumber(args[at])
    redis.call('XADD', keys[3], '*', unpack(args, at + 1, at + words))
    at = at + 1 + words
  end
  return redis.call('XACK', keys[1], args[1], args[4])
end

redis.register_function{function_name = 'quantum_bus_4_over_quota', callback = over_quota, flags = {'allow-oom'}}
redis.register_function('quantum_bus_4_append', append)
redis.register_function{function_name = 'quantum_bus_4_last', callback = last, flags = {'no-writes'}}
redis.register_function('quantum_bus_4_forget', forget)
redis.register_function('quantum_bus_4_drop_consumer', drop_consumer)
redis.register_function{function_name = 'quantum_bus_4_lag', callback = lag, flags = {'allow-oom'}}
-- Also over a full broker: what is read and acknowledged makes room.
redis.register_function{function_name = 'quantum_bus_4_lease', callback = lease, flags = {'allow-oom'}}
redis.register_function{function_name = 'quantum_bus_4_guard', callback = guard, flags = {'allow-oom'}}
redis.register_function{function_name = 'quantum_bus_4_read', callback = read, flags = {'allow-oom'}}
redis.register_function{function_name = 'quantum_bus_4_group', callback = group, flags = {'allow-oom'}}
redis.register_function{function_name = 'quantum_bus_4_acknowledge', callback = acknowledge, flags = {'allow-oom'}}
redis.register_function{function_name = 'quantum_bus_4_bury', callback = bury, flags = {'allow-oom'}}
