-- A share of users' requests, kept in memory until the deployer asks for them (command line: jenkins-ml sample PERCENT).
-- Nobody asks for a while: all is forgotten, and nothing is kept any more.
local LEASE, MOST, BYTES = 10, 200, 4 * 1024 * 1024
local percent, asked, kept, size = 0, 0, {}, 0

core.register_action("jenkins_ml_sample", {"http-req"}, function(txn)
  if percent == 0 then
    return
  end
  if core.now().sec - asked > LEASE then
    percent, kept, size = 0, {}, 0
    return
  end
  if #kept >= MOST or math.random() * 100 >= percent then
    return
  end
  local body = txn.f:req_body()
  -- A request that is longer than the proxy's buffer, or packed, is left out.
  if body == nil or #body == 0 or #body ~= txn.f:req_body_size() or txn.f:req_fhdr("content-encoding") then
    return
  end
  if size + #body <= BYTES then
    size = size + #body
    table.insert(kept, txn.c:base64(body))
  end
end)

local USAGE = "jenkins-ml sample <percent>: the requests that were kept, and which share to keep from now on"
core.register_cli({"jenkins-ml", "sample"}, USAGE, function(applet, ...)
  local words = {...}
  local answer = table.concat(kept, "\n")
  percent, asked, kept, size = tonumber(words[#words]) or 0, core.now().sec, {}, 0
  applet:send(answer .. "\n")
end)
