-- Somebody new signs with each request. Arguments: path, form or json, a name for this run, the status to expect.
local common = require("common")
setup, done = common.setup, common.done
wrong = 0
local n = 0

function init(arguments)
  path, kind, run, wanted = arguments[1], arguments[2], arguments[3], tonumber(arguments[4])
end

function request()
  n = n + 1
  local address = string.format("b%d.%s@bench.example", n, run)
  local headers = { ["X-Forwarded-For"] = common.network(n), ["Accept-Language"] = "fr" }
  local body
  if kind == "json" then
    headers["Content-Type"] = "application/json"
    body = string.format('{"name": "Zoé Martin", "email": "%s", "locale": "fr", "listed": true}', address)
  else
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    body = "party=person&name=Zo%C3%A9+Martin&listed=on&website=&email=" .. common.escape(address)
  end
  return wrk.format("POST", path, headers, body)
end

function response(status, headers, body)
  if status ~= wanted then
    wrong = wrong + 1
    sample = status .. " " .. body:sub(1, 300)
  end
end
