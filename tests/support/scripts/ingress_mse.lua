-- Annotations of Alibaba Cloud's MSE for a canary, written after the behaviour of Kruise's own script.
local NGINX, MSE = "nginx.ingress.kubernetes.io/", "mse.ingress.kubernetes.io/"
local said = obj.annotations
for name in pairs(said) do
  if string.find(name, NGINX .. "canary", 1, true) == 1 or string.find(name, MSE .. "canary", 1, true) == 1 then
    said[name] = nil
  end
end
said[NGINX .. "canary"] = "true"
if obj.weight ~= "-1" then
  said[NGINX .. "canary-weight"] = obj.weight
end

local function by(what, found)
  said[NGINX .. "canary-by-" .. what] = found.name
  said[NGINX .. "canary-by-" .. what .. (found.type == "RegularExpression" and "-pattern" or "-value")] = found.value
end

for _, match in ipairs(obj.matches or {}) do
  for _, header in ipairs(match.headers or {}) do
    if header.name == "canary-by-cookie" then
      said[NGINX .. "canary-by-cookie"] = header.value
    else
      by("header", header)
    end
  end
  for _, parameter in ipairs(match.queryParams or {}) do
    by("query", parameter)
  end
end
if said[MSE .. "service-subset"] then
  said[MSE .. "service-subset"] = "gray"
end
if obj.requestHeaderModifier and obj.requestHeaderModifier.set then
  local update = ""
  for _, header in ipairs(obj.requestHeaderModifier.set) do
    update = update .. header.name .. " " .. header.value
  end
  said[MSE .. "request-header-control-update"] = update
end
return said
