"""Whatever a script does in its process comes back as a refusal, soon, and the event loop goes on meanwhile."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.until import until

from tidegate_traffic_shifter.lua import runner
from tidegate_traffic_shifter.lua.answer import Failed
from tidegate_traffic_shifter.lua.runner import OUTPUT_BYTES_MAX, RUN_S_MAX, SCRIPT_BYTES_MAX, Runner

ATTACKS = {
    "while true do end": "did not end within 1 s",
    "while true do pcall(function() while true do end end) end": "did not end within 1 s",
    'string.find(string.rep("a", 32), string.rep("a?", 32) .. string.rep("a", 32))': "did not end within 1 s",
    'return {x = string.rep("a", 2 ^ 30)}': "not enough memory",
    "local t = {} while true do t[#t + 1] = {} end": "more than 32 MiB of memory",
    "t = {} while true do pcall(function() while true do t[#t + 1] = {} end end) end": "more than 32 MiB of memory",
    "local function deep() return deep() + 1 end deep()": "stack overflow",
    f'return {{x = string.rep("a", {OUTPUT_BYTES_MAX})}}': "longer than",
    "local t = {} t.t = t return t": "nested too deep",
    "return {x = print}": "a value that JSON doesn't have: a function",
    "return {x = 0 / 0}": "a number that JSON doesn't have",
    "return {1, 2, nil, 4, x = 5}": "names beside a list's elements",
    'return {x = "\\255"}': "UTF-8",
    "return {1}": "Expected `object`",
    "return 5": "a table has to be returned",
    "return nil": "a table has to be returned",
    "this is no Lua": "script:1",
    'error("the gate is shut")': "the gate is shut",
    "error({})": "an error that is no text",
    "obj.data.spec.missing.field = 1": "attempt to index field 'missing'",
    "\x1bLua": "compiled code is not run",
    "python.eval('1')": "index global 'python'",
    "io.open('/etc/passwd')": "index global 'io'",
    "os.execute('true')": "index global 'os'",
    "package.loadlib('libc.so.6', '*')": "index global 'package'",
    "debug.getregistry()": "index global 'debug'",
    "require('socket')": "module 'socket' not found",
    "dofile('/etc/passwd')": "call global 'dofile'",
    "loadstring('return 1')()": "call global 'loadstring'",
    "getfenv(0).os.exit()": "call global 'getfenv'",
    "setfenv(0, {})": "call global 'setfenv'",
    "collectgarbage('stop')": "call global 'collectgarbage'",
    "return {x = ('').dump(print)}": "call field 'dump'",
    "getmetatable('').__index = nil": "index a boolean",
    "return setmetatable({}, {__index = function() while true do end end}).x": "did not end within 1 s",
}


@pytest.fixture
async def run() -> AsyncIterator[Runner]:
    yield Runner()
    await asyncio.sleep(0)


async def test_every_attack_is_refused_in_time_and_nothing_else_waits_for_it(run: Runner) -> None:
    longest_s, ended = 0.0, asyncio.Event()

    async def pulse() -> None:
        nonlocal longest_s
        while not ended.is_set():
            before_s = time.monotonic()
            await asyncio.sleep(0.01)
            longest_s = max(longest_s, time.monotonic() - before_s)

    beating = asyncio.create_task(pulse())
    given = {"data": {"spec": {}}}
    results = await asyncio.gather(*(run.run(script, given) for script in ATTACKS))
    ended.set()
    await beating
    wrong = {
        script: result
        for (script, wanted), result in zip(ATTACKS.items(), results, strict=True)
        if not isinstance(result, Failed) or wanted not in result.reason
    }
    assert not wrong
    assert longest_s < RUN_S_MAX / 2, "a script kept the event loop waiting"
    assert await run.run("return {ok = true}", {}) == {"ok": True}


async def test_a_script_that_is_too_long_is_not_started(run: Runner) -> None:
    found = await run.run("-" * (SCRIPT_BYTES_MAX + 1), {})
    assert isinstance(found, Failed)
    assert "at most are" in found.reason


@pytest.mark.parametrize(
    "value",
    [
        {"list": [], "object": {}, "nested": [[], {}, [{"a": []}]]},
        {"numbers": [0, -1, 20, 2**53 - 1, 0.1, -2.5, 1e300, 1 / 3]},
        {"text": ["", 'a "quoted" \\ text', "tab\tline\n", "grüße 日本 🎉", "\u0001\u001f\u007f"]},
        {"words": [True, False], "dots.and/slashes": "x"},
    ],
)
async def test_what_a_script_leaves_alone_comes_back_as_it_was(run: Runner, value: dict[str, Any]) -> None:
    assert await run.run("return obj", value) == value
    assert await run.run('return require("json").decode(json.encode(obj))', value) == value


async def test_a_list_that_a_script_empties_stays_a_list_and_a_new_table_is_an_object(run: Runner) -> None:
    script = "table.remove(obj.list) obj.new = {} obj.gone = nil obj.text = obj.text:upper() return obj"
    given = {"list": [1], "gone": 1, "text": "web"}
    assert await run.run(script, given) == {"list": [], "new": {}, "text": "WEB"}


async def test_the_same_question_starts_no_second_process(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await run.run("return obj", {"a": [1]})
    assert isinstance(first, dict)
    first["a"].append(2)
    monkeypatch.setattr(runner, "_COMMAND", ("/nowhere",))
    assert await run.run("return obj", {"a": [1]}) == {"a": [1]}
    with pytest.raises(FileNotFoundError):
        await run.run("return obj", {"a": [3]})


async def test_a_caller_who_goes_away_leaves_no_process_behind(run: Runner) -> None:
    task = asyncio.create_task(run.run("while true do end", {}))
    await until(_children, what="a process")
    children = _children()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not children & _children()


def _children() -> set[str]:
    listed = Path(f"/proc/self/task/{_main_thread()}/children").read_text()
    return set(listed.split())


def _main_thread() -> int:
    return min(int(each.name) for each in Path("/proc/self/task").iterdir())


INSIDE = """
import json, os, socket, sys
from tidegate_traffic_shifter.lua.confinement import confine
confine()
def tried(what):
    try:
        what()
    except BaseException as error:
        return type(error).__name__
    return "done"
told = {
    "file": tried(lambda: open("/etc/passwd")),
    "socket": tried(socket.socket),
    "process": tried(os.fork),
    "kill": tried(lambda: os.kill(os.getppid(), 0)),
    "memory": tried(lambda: bytearray(2 ** 30)),
}
sys.stdout.write(json.dumps(told))
sys.stdout.flush()
os._exit(0)
"""


def test_who_got_out_of_lua_would_find_nothing_to_open_start_or_reach() -> None:
    done = subprocess.run([sys.executable, "-I", "-c", INSIDE], capture_output=True, check=True, timeout=20.0)
    told = json.loads(done.stdout)
    refused = {"OSError", "PermissionError", "BlockingIOError"}
    assert told.pop("memory") == "MemoryError"
    assert set(told) == {"file", "socket", "process", "kill"}
    assert set(told.values()) <= refused, told
