-- Annotations of ingress-nginx for a canary, written after the behaviour of Kruise's own script.
local PREFIX = "nginx.ingress.kubernetes.io/"
local said = obj.annotations
for name in pairs(said) do
  if string.sub(name, 1, #PREFIX + 6) == PREFIX .. "canary" then
    said[name] = nil
  end
end
said[PREFIX .. "canary"] = "true"
if obj.weight ~= "-1" then
  said[PREFIX .. "canary-weight"] = obj.weight
end
for _, match in ipairs(obj.matches or {}) do
  local header = (match.headers or {})[1]
  if header and header.name == "canary-by-cookie" then
    said[PREFIX .. "canary-by-cookie"] = header.value
  elseif header then
    said[PREFIX .. "canary-by-header"] = header.name
    local how = header.type == "RegularExpression" and "pattern" or "value"
    said[PREFIX .. "canary-by-header-" .. how] = header.value
  end
end
return said
