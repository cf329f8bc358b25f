-- Drops idempotency keys that have expired. ARGV: key prefix, now (ms), at most so many.
local prefix = ARGV[1]
local expiry = prefix .. 'keys:expiry'
local names = redis.call('ZRANGEBYSCORE', expiry, '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])
for _, name in ipairs(names) do
  redis.call('HDEL', prefix .. 'keys', name)
  redis.call('ZREM', expiry, name)
end
return #names
