-- One POST for each line of a file, "path form", and no line twice. Arguments: file, the first line, status.
local common = require("common")
setup, done = common.setup, common.done
wrong = 0
local n = 0
local lines

function init(arguments)
  lines = io.open(arguments[1])
  for _ = 1, tonumber(arguments[2]) do lines:read("*l") end
  wanted = tonumber(arguments[3])
end

function request()
  n = n + 1
  local line = lines:read("*l")
  if not line then
    wrong = wrong + 1
    sample = "the file has too few lines"
    line = "/none x=1"
  end
  local path, body = line:match("^(%S+) (.*)$")
  return wrk.format("POST", path, {
    ["X-Forwarded-For"] = common.network(n), ["Accept-Language"] = "fr",
    ["Content-Type"] = "application/x-www-form-urlencoded" }, body)
end

function response(status, headers, body)
  if status ~= wanted then
    wrong = wrong + 1
    sample = status .. " " .. body:sub(1, 300)
  end
end
