-- Deletes terminal jobs with all that points at them.
-- ARGV[1]: key prefix; then FIELDS values for each job: id, state code, tenant, facet of all,
-- facet of operation and kind, facet of the input (or ''), ledger fields (JSON list, or '').
-- A job whose state has changed meanwhile stays. Answers how many went.
local FIELDS = 7
local prefix = ARGV[1]
local gone = 0

for at = 2, #ARGV, FIELDS do
  local id, code, tenant = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local job_key = prefix .. 'j:' .. id
  if redis.call('GETRANGE', job_key, 0, 0) == code then
    redis.call('DEL', job_key)
    redis.call('ZREM', prefix .. 'x:' .. ARGV[at + 3] .. ':' .. code, id)
    redis.call('ZREM', prefix .. 'x:' .. ARGV[at + 4] .. ':' .. code, id)
    if ARGV[at + 5] ~= '' then
      redis.call('ZREM', prefix .. 'x:' .. ARGV[at + 5] .. ':5', id)
    end
    redis.call('ZREM', prefix .. 'due', id)
    redis.call('ZREM', prefix .. 'outputs', id)
    redis.call('HINCRBY', prefix .. 'counts:' .. tenant, code, -1)
    redis.call('HINCRBY', prefix .. 'counts', code, -1)
    if ARGV[at + 6] ~= '' then
      local ledger = prefix .. 'ledger:' .. tenant
      for _, field in ipairs(cjson.decode(ARGV[at + 6])) do
        redis.call('HDEL', ledger, field)
      end
    end
    gone = gone + 1
  end
end
return gone
