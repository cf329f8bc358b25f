-- Applies writes in order, each wholly or not at all.
-- ARGV[1]: key prefix; then FIELDS values for each write (redis_arguments.py).
-- A job is one string: state code (1 character), revision (12 digits), then the record.
-- Answers one character a write: 1 applied, 0 refused.
local FIELDS = 15
local prefix = ARGV[1]
local parts = { ['0'] = '0', ['1'] = '0', ['2'] = '2', ['3'] = '3', ['4'] = '4' }
local answers = {}

local function place(code, everything, pair, id, add)
  local function touch(facet, part)
    local key = prefix .. 'x:' .. facet .. ':' .. part
    if add then
      redis.call('ZADD', key, 0, id)
    else
      redis.call('ZREM', key, id)
    end
  end
  touch(everything, parts[code])
  touch(pair, parts[code])
  if code == '1' then
    touch(everything, '1')
  end
end

local function claim(text)
  local key = cjson.decode(text)
  local name = key.tenant .. '\0' .. key.key
  local held = redis.call('HGET', prefix .. 'keys', name)
  if held and cjson.decode(held).expires_ms > key.at_ms then
    return false
  end
  redis.call('HSET', prefix .. 'keys', name, text)
  redis.call('ZADD', prefix .. 'keys:expiry', key.expires_ms, name)
  return true
end

local function enter(text)
  for _, entry in ipairs(cjson.decode(text)) do
    local field = entry.job_id .. '\0' .. entry.reason
    if redis.call('HSETNX', prefix .. 'ledger:' .. entry.tenant, field, entry.credits) == 1 then
      local account = prefix .. 'account:' .. entry.tenant
      redis.call('HINCRBY', account, 'balance', entry.credits)
      if entry.grant then
        redis.call('HSET', account, 'limited', 1)
      else
        redis.call('HINCRBY', account, 'spent', -entry.credits)
      end
    end
  end
end

for at = 2, #ARGV, FIELDS do
  local id, expected, rev, code = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local tenant, pair_name = ARGV[at + 4], ARGV[at + 5]
  local everything, pair, input = ARGV[at + 6], ARGV[at + 7], ARGV[at + 8]
  local due, outputs, doc = ARGV[at + 9], ARGV[at + 10], ARGV[at + 11]
  local ledger, key, totals = ARGV[at + 12], ARGV[at + 13], ARGV[at + 14]
  local job_key = prefix .. 'j:' .. id
  local head = redis.call('GETRANGE', job_key, 0, 12)
  local old = head ~= '' and string.sub(head, 1, 1) or nil
  local record = code .. rev .. doc
  local answer = '0'

  if (old and string.sub(head, 2) or '000000000000') == expected
      and (key == '' or claim(key)) then
    answer = '1'
    redis.call('SET', job_key, record)
    if not old then
      redis.call('SADD', prefix .. 'tenants', tenant)
      redis.call('SADD', prefix .. 'pairs:' .. tenant, pair_name)
      if input ~= '' then
        redis.call('ZADD', prefix .. 'x:' .. input .. ':5', 0, id)
      end
    end
    if old ~= code then
      if old and parts[old] == parts[code] then
        local running = prefix .. 'x:' .. everything .. ':1'
        if code == '1' then
          redis.call('ZADD', running, 0, id)
        else
          redis.call('ZREM', running, id)
        end
      else
        if old then
          place(old, everything, pair, id, false)
        end
        place(code, everything, pair, id, true)
      end
      if old then
        redis.call('HINCRBY', prefix .. 'counts:' .. tenant, old, -1)
        redis.call('HINCRBY', prefix .. 'counts', old, -1)
      end
      redis.call('HINCRBY', prefix .. 'counts:' .. tenant, code, 1)
      redis.call('HINCRBY', prefix .. 'counts', code, 1)
      if totals ~= '' then
        for name, amount in pairs(cjson.decode(totals)) do
          redis.call('HINCRBY', prefix .. 'totals:' .. tenant, name, amount)
        end
      end
    end
    if due ~= '' then
      redis.call('ZADD', prefix .. 'due', due, id)
    elseif old then
      redis.call('ZREM', prefix .. 'due', id)
    end
    if outputs ~= '' then
      redis.call('ZADD', prefix .. 'outputs', outputs, id)
    elseif old then
      redis.call('ZREM', prefix .. 'outputs', id)
    end
    if ledger ~= '' then
      enter(ledger)
    end
  end
  answers[#answers + 1] = answer
end
return table.concat(answers)
