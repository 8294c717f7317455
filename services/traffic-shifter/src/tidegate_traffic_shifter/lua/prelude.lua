-- What a script has of Lua, and its data as JSON on the way in and out. Loaded by `__main__`, which calls the function
-- that this returns with a script and its input. Lua's own libraries are taken away before any script is seen: what is
-- not named here is not there. As in Kruise: base, table, string, math, and a module json.
local real = _G
local error, pairs, tonumber, tostring, type = real.error, real.pairs, real.tonumber, real.tostring, real.type
local loadstring, pcall, setfenv, setmetatable = real.loadstring, real.pcall, real.setfenv, real.setmetatable
local getmetatable, rawget = real.getmetatable, real.rawget
local byte, char, find, format, gsub, sub = string.byte, string.char, string.find, string.format, string.gsub, string.sub
local concat, floor = table.concat, math.floor

local DEPTH_MAX = 64
local EXACT_MAX = 2 ^ 53

-- A list that came in stays one where a script empties it or leaves it empty: Lua can't tell an empty list by itself.
local List = { __metatable = false }
local lists = setmetatable({}, { __mode = "k" })

local function as_list(found)
  lists[found] = true
  return setmetatable(found, List)
end

local ESCAPED = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

local function utf8(code)
  if code < 0x80 then
    return char(code)
  elseif code < 0x800 then
    return char(0xC0 + floor(code / 0x40), 0x80 + code % 0x40)
  elseif code < 0x10000 then
    return char(0xE0 + floor(code / 0x1000), 0x80 + floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
  end
  return char(
    0xF0 + floor(code / 0x40000), 0x80 + floor(code / 0x1000) % 0x40, 0x80 + floor(code / 0x40) % 0x40, 0x80 + code % 0x40
  )
end

local function decode(text)
  local at = 1

  local function fail(what)
    error("not JSON at byte " .. at .. ": " .. what, 0)
  end

  local function blank()
    at = find(text, "[^ \t\r\n]", at) or #text + 1
  end

  local function hex()
    local digits = sub(text, at, at + 3)
    if not find(digits, "^%x%x%x%x$") then
      fail("four hexadecimal digits expected")
    end
    at = at + 4
    return tonumber(digits, 16)
  end

  local function escaped()
    local code = hex()
    if code >= 0xD800 and code < 0xDC00 and sub(text, at, at + 1) == "\\u" then
      at = at + 2
      code = 0x10000 + (code - 0xD800) * 0x400 + (hex() - 0xDC00)
    end
    return utf8(code)
  end

  local function read_string()
    local parts = {}
    at = at + 1
    while true do
      local stop = find(text, '["\\]', at)
      if not stop then
        fail("a string without an end")
      end
      parts[#parts + 1] = sub(text, at, stop - 1)
      at = stop + 1
      if sub(text, stop, stop) == '"' then
        return concat(parts)
      end
      local what = sub(text, at, at)
      at = at + 1
      parts[#parts + 1] = what == "u" and escaped() or ESCAPED[what] or fail("an unknown escape")
    end
  end

  local read

  local function members(close, one)
    at = at + 1
    blank()
    if sub(text, at, at) == close then
      at = at + 1
      return
    end
    while true do
      one()
      blank()
      local found = sub(text, at, at)
      at = at + 1
      if found == close then
        return
      elseif found ~= "," then
        fail("',' or '" .. close .. "' expected")
      end
      blank()
    end
  end

  local function read_object(depth)
    local made = {}
    members("}", function()
      if sub(text, at, at) ~= '"' then
        fail("a name expected")
      end
      local name = read_string()
      blank()
      if sub(text, at, at) ~= ":" then
        fail("':' expected")
      end
      at = at + 1
      made[name] = read(depth + 1)
    end)
    return made
  end

  local function read_list(depth)
    local made, count = {}, 0
    members("]", function()
      count = count + 1
      made[count] = read(depth + 1)
    end)
    return as_list(made)
  end

  local WORDS = { ["true"] = true, ["false"] = false }

  function read(depth)
    if depth > DEPTH_MAX then
      fail("nested too deep")
    end
    blank()
    local first = sub(text, at, at)
    if first == "{" then
      return read_object(depth)
    elseif first == "[" then
      return read_list(depth)
    elseif first == '"' then
      return read_string()
    end
    local _, stop = find(text, "^[%w%.%+%-]+", at)
    local word = stop and sub(text, at, stop) or ""
    local value = WORDS[word]
    if value == nil and find(word, "^%-?%d") then
      value = tonumber(word)
    end
    if value == nil and word ~= "null" then
      fail("a value expected")
    end
    at = stop + 1
    return value
  end

  local value = read(1)
  blank()
  if at <= #text then
    fail("nothing more expected")
  end
  return value
end

local CONTROLS = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function quoted(text)
  return '"' .. gsub(text, '[%c"\\]', function(found)
    return CONTROLS[found] or format("\\u%04x", byte(found))
  end) .. '"'
end

local function digits(number)
  if number ~= number or number == 1 / 0 or number == -1 / 0 then
    error("a number that JSON doesn't have: " .. tostring(number), 0)
  elseif number == floor(number) and number < EXACT_MAX and number > -EXACT_MAX then
    return format("%d", number)
  end
  local short = format("%.15g", number)
  return tonumber(short) == number and short or format("%.17g", number)
end

local encode

-- The count of a list's elements; nil where the table is no list.
local function count_of(value)
  local count, most = 0, 0
  for name in real.next, value do
    if type(name) ~= "number" or name < 1 or name ~= floor(name) then
      return nil
    end
    count = count + 1
    most = name > most and name or most
  end
  if count ~= most then
    error("a list with a gap", 0)
  end
  return count
end

local function encode_object(value, depth)
  local parts = {}
  for name, each in real.next, value do
    if type(name) ~= "string" then
      error("names beside a list's elements", 0)
    end
    parts[#parts + 1] = quoted(name) .. ":" .. encode(each, depth + 1)
  end
  return "{" .. concat(parts, ",") .. "}"
end

local function encode_table(value, depth)
  local count = count_of(value)
  if not count or (count == 0 and not lists[value]) then
    return encode_object(value, depth)
  end
  local parts = {}
  for index = 1, count do
    parts[index] = encode(rawget(value, index), depth + 1)
  end
  return "[" .. concat(parts, ",") .. "]"
end

function encode(value, depth)
  local kind = type(value)
  if depth > DEPTH_MAX then
    error("nested too deep, or in itself", 0)
  elseif kind == "table" then
    return encode_table(value, depth)
  elseif kind == "string" then
    return quoted(value)
  elseif kind == "number" then
    return digits(value)
  elseif kind == "boolean" or kind == "nil" then
    return kind == "nil" and "null" or tostring(value)
  end
  error("a value that JSON doesn't have: a " .. kind, 0)
end

local function copied(from, names)
  local made = {}
  for name in string.gmatch(names, "%S+") do
    made[name] = from[name]
  end
  return made
end

local env = copied(real, "assert error getmetatable ipairs next pairs pcall rawequal rawget rawset select setmetatable "
  .. "tonumber tostring type unpack xpcall _VERSION")
env.string = copied(string, "byte char find format gmatch gsub len lower match rep reverse sub upper")
env.table = copied(table, "concat getn insert maxn remove sort")
env.math = copied(math, "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min mod "
  .. "modf pi pow rad random randomseed sin sinh sqrt tan tanh")
env.json = {
  encode = function(value) return encode(value, 1) end,
  decode = function(text) return decode(text) end,
}
env.require = function(name)
  return name == "json" and env.json or error("module '" .. tostring(name) .. "' not found", 2)
end
env.print = function() end
env._G = env
-- What methods of strings are found in; a script must not reach Lua's own by it.
getmetatable("").__index = env.string
getmetatable("").__metatable = false

for name in pairs(copied(real, "collectgarbage coroutine debug dofile gcinfo getfenv io load loadfile loadstring module "
  .. "newproxy os package print python require setfenv")) do
  real[name] = nil
end

-- "+" and the result as JSON, or "-" and what is wrong.
return function(script, input)
  if byte(script) == 27 then
    return "-compiled code is not run"
  end
  local chunk, wrong = loadstring(script, "=script")
  if not chunk then
    return "-" .. wrong
  end
  env.obj = decode(input)
  setfenv(chunk, env)
  local ran, result = pcall(chunk)
  if not ran then
    return "-" .. (type(result) == "string" and result or "an error that is no text: a " .. type(result))
  elseif type(result) ~= "table" then
    return "-a table has to be returned, not a " .. type(result)
  end
  local told, text = pcall(encode, result, 1)
  return (told and "+" or "-what was returned: ") .. text
end
