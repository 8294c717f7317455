"""Typed values as JSON files, paths included: the settings for the supervisor and the state for everybody else."""

import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec

Value = TypeVar("Value")


def encode(value: object) -> bytes:
    """JSON for people and programs; a path becomes a string."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=str))


def decode(content: bytes, type_: type[Value]) -> Value:
    return msgspec.json.decode(content, type=type_, dec_hook=_from_json)


def write_private(path: Path, value: object) -> None:
    """The whole file or nothing, readable by its owner only: it holds passwords."""
    scratch = path.with_suffix(".new")
    scratch.touch(mode=0o600)
    scratch.write_bytes(encode(value))
    os.replace(scratch, path)  # noqa: PTH105 - the atomic one


def _from_json(type_: type, value: Any) -> Any:
    if issubclass(type_, Path):
        return Path(value)
    raise NotImplementedError(f"no reading of {type_} from JSON")
