-- What every script shares: a network for each request, a check of every answer, figures as JSON at the end.
local M = {}
local threads = {}

function M.setup(thread)
  table.insert(threads, thread)
end

function M.network(n)
  return string.format("%d.%d.%d.7", 11 + n % 89, math.floor(n / 89) % 256, math.floor(n / 22784) % 256)
end

function M.escape(text)
  return (text:gsub("[^%w]", function(c) return string.format("%%%02X", string.byte(c)) end))
end

function M.done(summary, latency, requests)
  local wrong = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  for _, thread in ipairs(threads) do
    wrong = wrong + (thread:get("wrong") or 0)
    if thread:get("sample") then print(thread:get("sample")) end
  end
  io.write(string.format(
    'RESULT {"rate": %.2f, "requests": %d, "p50": %.5f, "p95": %.5f, "p99": %.5f, "wrong": %d}\n',
    (summary.requests) / (summary.duration / 1e6), summary.requests,
    latency:percentile(50) / 1e6, latency:percentile(95) / 1e6, latency:percentile(99) / 1e6, wrong))
end

return M
