"""The process that runs one script and ends: started by `runner` as `python -I -m`, never imported by it.

It says that it is ready, reads a script and its input, and answers with the script's result or what is wrong. Whatever
a script does to it, only the answer is lost: it knows nothing, and can do nothing (`confinement`).
"""

import os
import sys
from pathlib import Path
from typing import Any

from lupa import lua51

from tidegate_traffic_shifter.lua.confinement import confine

READY = b"!"
LENGTH_DIGITS = 8
MEMORY_BYTES_MAX = 32 * 1024 * 1024
"""What a script and its data may take."""


def main() -> None:
    run = _prepared()
    confine()
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    request = sys.stdin.buffer.read()
    length = int(request[:LENGTH_DIGITS] or b"0", 16)
    body = request[LENGTH_DIGITS:]
    try:
        answer = run(body[:length], body[length:])
    except MemoryError:
        answer = b"-more than %d MiB of memory" % (MEMORY_BYTES_MAX // 1024 // 1024)
    except lua51.LuaError as error:
        answer = b"-" + str(error).encode()
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    os._exit(os.EX_OK)  # there is nothing to tidy up, and little that it could do


def _prepared() -> Any:
    runtime = lua51.LuaRuntime(encoding=None, register_eval=False, register_builtins=False, max_memory=MEMORY_BYTES_MAX)
    return runtime.execute(Path(__file__).with_name("prelude.lua").read_bytes())


if __name__ == "__main__":
    main()
