-- The same page each time. Arguments: path, the length that every answer must have (0: any).
local common = require("common")
setup, done = common.setup, common.done
wrong = 0
local n = 0

function init(arguments)
  path, length = arguments[1], tonumber(arguments[2])
end

function request()
  n = n + 1
  return wrk.format("GET", path, { ["X-Forwarded-For"] = common.network(n), ["Accept-Language"] = "fr" })
end

function response(status, headers, body)
  if status ~= 200 or (length > 0 and #body ~= length) then
    wrong = wrong + 1
    sample = status .. " " .. #body
  end
end
