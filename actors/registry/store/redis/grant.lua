-- Adds a grant once. ARGV: key prefix, tenant, ledger field, credits.
local prefix, tenant = ARGV[1], ARGV[2]
if redis.call('HSETNX', prefix .. 'ledger:' .. tenant, ARGV[3], ARGV[4]) == 1 then
  redis.call('HINCRBY', prefix .. 'account:' .. tenant, 'balance', ARGV[4])
  redis.call('HSET', prefix .. 'account:' .. tenant, 'limited', 1)
end
return 1
