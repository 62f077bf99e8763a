"""What a challenger's reader changes in Redis, each in one step that a kill can't cut in two."""

from typing import Final

OPEN: Final = """
-- KEYS: predictions, where a former group ended. ARGV: group, the first id to begin at.
local function numbers(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  return tonumber(ms), tonumber(seq)
end
local start = ARGV[2]
local former = redis.call('GET', KEYS[2])
if former then
  local ms, seq = numbers(start)
  local former_ms, former_seq = numbers(former)
  if former_ms > ms or (former_ms == ms and former_seq > seq) then start = former end
end
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], start, 'MKSTREAM')
if made['err'] and not string.find(made['err'], 'BUSYGROUP') then return made end
return 1
"""
"""A version that is a challenger again goes on where it ended: nothing is paired twice."""

FINISH_ONCE: Final = """
-- KEYS: predictions, pairs. ARGV: group, number of entries, entries in order, words of the pairs.
local group, count = ARGV[1], tonumber(ARGV[2])
local first, last = ARGV[3], ARGV[2 + count]
local pending = {}
-- One question for all; those of other readers in between may be so many that some are not told.
for _, entry in ipairs(redis.call('XPENDING', KEYS[1], group, first, last, 2 * count + 100)) do
  pending[entry[1]] = true
end
for index = 3, 2 + count do
  local id = ARGV[index]
  if not pending[id] and #redis.call('XPENDING', KEYS[1], group, id, id, 1) == 0 then return 0 end
end
-- Appends before it acknowledges, so that a failure between the two can't lose the pairs.
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3 + count))
redis.call('XACK', KEYS[1], group, unpack(ARGV, 3, 2 + count))
return 1
"""

_STATE: Final = """
local function table_of(list)
  local found = {}
  for index = 1, #list, 2 do found[list[index]] = list[index + 1] end
  return found
end
local function state_of(stream, name)
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local state = table_of(group)
    if state['name'] == name then return state end
  end
end
"""

BACKLOG: Final = (
    _STATE
    + """
-- KEYS: predictions. ARGV: group. Ids alone leave Redis: entries are large.
local state = state_of(KEYS[1], ARGV[1])
if not state then return redis.error_reply('NOGROUP no such group: ' .. ARGV[1]) end
local stream = table_of(redis.call('XINFO', 'STREAM', KEYS[1]))
local first = stream['first-entry'] and stream['first-entry'][1] or ''
local delivered = state['last-delivered-id']
local oldest = redis.call('XPENDING', KEYS[1], ARGV[1])[2]
if not oldest then
  local found = redis.call('XRANGE', KEYS[1], '(' .. delivered, '+', 'COUNT', 1)
  oldest = found[1] and found[1][1] or ''
end
local last = stream['last-generated-id']
return {state['pending'], oldest, state['lag'] or false, stream['length'], first, last, delivered}
"""
)
"""Pending entries, the oldest unfinished one, then what tells how many were not handed out."""

LEAVE: Final = (
    _STATE
    + """
-- KEYS: predictions, where the group ended. ARGV: group, whatever is pending or only if nothing.
local state = redis.call('EXISTS', KEYS[1]) == 1 and state_of(KEYS[1], ARGV[1])
if not state then return 0 end
if state['pending'] > 0 and ARGV[2] ~= 'whatever' then return state['pending'] end
redis.call('SET', KEYS[2], state['last-delivered-id'])
redis.call('XGROUP', 'DESTROY', KEYS[1], ARGV[1])
return state['pending']
"""
)
"""Destroys a group and notes where it ended; how many entries are or were pending."""
