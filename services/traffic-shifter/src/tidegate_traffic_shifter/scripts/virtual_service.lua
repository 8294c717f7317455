-- A VirtualService that shares requests between two Services, or two subsets of one: what Kruise's own script does,
-- written anew after its behaviour.
--   matches: a rule of its own for each, in front of the user's, to the new version only
--   a share: the user's destinations keep their proportions in what is left, the new version comes behind them;
--            rules with conditions of their own are left alone
-- Beyond Kruise's: a share beside matches is of the rest, and a change of headers is made for a share, too.
local spec = obj.data.spec

local function host_of(destination)
  return string.match(destination and destination.host or "", "^[^.]*")
end

local function canary()
  if obj.canaryService == obj.stableService then
    return { host = obj.stableService, subset = "canary" }
  end
  return { host = obj.canaryService }
end

local KINDS = { Exact = "exact", PathPrefix = "prefix", RegularExpression = "regex" }

local function condition(found)
  return { [KINDS[found.type] or "exact"] = found.value }
end

local function conditions(found)
  local made = {}
  for _, each in ipairs(found or {}) do
    made[each.name] = condition(each)
  end
  return next(made) and made or nil
end

local function headers(modifier)
  if not modifier then
    return nil
  end
  local changes = {}
  for _, part in ipairs({ "set", "add" }) do
    for _, each in ipairs(modifier[part] or {}) do
      changes[part] = changes[part] or {}
      changes[part][each.name] = each.value
    end
  end
  changes.remove = modifier.remove
  return { request = changes }
end

local function in_front(match)
  local wanted = { headers = conditions(match.headers), queryParams = conditions(match.queryParams) }
  wanted.uri = match.path and condition(match.path) or nil
  return { match = { wanted }, route = { { destination = canary() } }, headers = headers(obj.requestHeaderModifier) }
end

local function sends(rule)
  for _, route in ipairs(rule.route or {}) do
    if host_of(route.destination) == obj.stableService then
      return true
    end
  end
  return false
end

local function shared(rule, changed)
  local count = #rule.route
  for _, route in ipairs(rule.route) do
    if route.weight then
      route.weight = math.floor(route.weight * obj.stableWeight / 100)
    else
      route.weight = math.floor(obj.stableWeight / count)
    end
  end
  table.insert(rule.route, { destination = canary(), weight = obj.canaryWeight, headers = changed })
end

if obj.canaryWeight >= 0 then
  for _, kind in ipairs({ "http", "tcp", "tls" }) do
    for _, rule in ipairs(spec[kind] or {}) do
      if not rule.match and sends(rule) then
        shared(rule, kind == "http" and headers(obj.requestHeaderModifier) or nil)
      end
    end
  end
end
for _, match in ipairs(obj.matches or {}) do
  spec.http = spec.http or {}
  table.insert(spec.http, 1, in_front(match))
end
return obj.data
