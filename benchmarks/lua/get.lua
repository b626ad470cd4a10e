-- Some pages in turn. Arguments: their paths, with commas between; the length that every answer must have (0: any);
-- the cookie of somebody who is signed in, or nothing.
local common = require("common")
setup, done = common.setup, common.done
wrong = 0
local n, paths = 0, {}

function init(arguments)
  for path in arguments[1]:gmatch("[^,]+") do table.insert(paths, path) end
  length, cookie = tonumber(arguments[2]), arguments[3]
end

function request()
  n = n + 1
  local headers = { ["X-Forwarded-For"] = common.network(n), ["Accept-Language"] = "fr", ["Cookie"] = cookie }
  return wrk.format("GET", paths[n % #paths + 1], headers)
end

function response(status, headers, body)
  if status ~= 200 or (length > 0 and #body ~= length) then
    wrong = wrong + 1
    sample = status .. " " .. #body
  end
end
