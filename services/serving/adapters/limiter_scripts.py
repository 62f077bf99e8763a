"""The bucket of a key's tokens, as a script of Redis: `domain.limits.exchanged` to the letter."""

from typing import Final

CLOCK: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
"""
"""Redis's own, so that clocks of workers do not matter."""

RULES: Final = """
-- KEYS: the bucket. ARGV: size, rate, holder, held, need, least, ahead, back, owed, day of the
-- lease, seconds of a lease, seconds of a sharer, greed.
local size, rate, holder = tonumber(ARGV[1]), tonumber(ARGV[2]), 'holder:' .. ARGV[3]
local held, need, least = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local ahead, back, owed = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local lasts, remembered, greed = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local by_day, day = rate == 0, 0
if by_day then day = math.floor(now / 86400) end

local used, at, kept, leases = 0, now, nil, {}
local found = redis.call('HGETALL', KEYS[1])
for index = 1, #found, 2 do
  local name, value = found[index], found[index + 1]
  if name == 'used' then used = tonumber(value)
  elseif name == 'at' then at = tonumber(value)
  elseif name == 'day' then kept = tonumber(value)
  else
    local tokens, till = string.match(value, '^(%d+):(.+)$')
    leases[name] = {tonumber(tokens), tonumber(till)}
  end
end
-- A clock that is put back a little at midnight must not give yesterday's quota anew.
if kept == day + 1 then day = kept end
local anew = kept ~= nil and kept ~= day
if anew then used, at = 0, now end
if tonumber(ARGV[10]) ~= day then held, back = 0, 0 end

local leased, sharers, over, spans = held, 1, {}, {{held + back, now}}
for name, lease in pairs(leases) do
  if anew then lease[1] = 0 end
  if lease[2] > at then
    local tokens = lease[1]
    if name == holder then tokens = math.max(0, tokens - held - back) end
    spans[#spans + 1] = {tokens, lease[2]}
  end
  if name ~= holder then
    if lease[2] + remembered <= now then
      over[#over + 1] = name
    else
      sharers = sharers + 1
      if lease[2] > now then leased = leased + lease[1] end
      -- A clock that was put back must not make leases longer.
      if anew or lease[2] > now + lasts then
        local till = math.min(lease[2], now + lasts)
        redis.call('HSET', KEYS[1], name, string.format('%d:%.6f', lease[1], till))
      end
    end
  end
end
-- It has fallen by the rate, and at no moment below what was leased then.
used = used - rate * math.max(0, now - at)
table.sort(spans, function(one, other) return one[2] > other[2] end)
local together = 0
for _, lease in ipairs(spans) do
  together = together + lease[1]
  used = math.max(used, together - rate * math.max(0, now - lease[2]))
end
used = used - back + owed
if not by_day then used = math.min(used, math.max(leased, 2 * size)) end
local level, tokens = size - used, 0
if level >= least then
  tokens = math.max(
    0,
    math.min(need, math.floor(level)),
    math.min(need + ahead, math.floor(level / greed))
  )
end
used = used + tokens
if #over > 0 then redis.call('HDEL', KEYS[1], unpack(over)) end
redis.call(
  'HSET', KEYS[1],
  'used', string.format('%.17g', used), 'at', string.format('%.6f', now), 'day', day,
  holder, string.format('%d:%.6f', held + tokens - math.min(need, tokens), now + lasts)
)
local ends = 86400
if by_day then ends = 86400 * (day + 1) - now end
-- Full again, or of another day, and everybody who shared it forgotten: as if it had never been.
local idle = by_day and ends or used / rate
idle = math.min(math.max(idle, remembered), 31536000)
redis.call('PEXPIRE', KEYS[1], math.ceil(1000 * (idle + lasts)))
return {
  tokens, string.format('%.17g', size - used), sharers, day, string.format('%.6f', ends)
}
"""

EXCHANGE: Final = CLOCK + RULES
