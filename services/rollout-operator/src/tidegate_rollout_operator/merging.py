"""An edit of a part of something, made to the whole of it. Pure; called by `conversion`.

Whoever edits a Rollout in v1alpha1 sees and writes a part of it. What they changed is put into the whole, and what that
part has no words for stays as it is.
"""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any, Final

import msgspec

_ABSENT: Final = object()


def merged(whole: Any, before: Any, after: Any) -> Any:
    """The whole with what is not the same in `after` as in `before`, which says a part of it.

    Args:
        whole: What is edited.
        before: The part, as it was shown.
        after: The part, as it came back.
    """
    if before == after:
        return whole
    if all(isinstance(each, dict) for each in (whole, before, after)):
        return dict(_fields(whole, before, after))
    if all(isinstance(each, list) for each in (whole, before, after)) and len(whole) == len(before):
        return list(_items(whole, before, after))
    return after


def _fields(whole: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in {**whole, **after}:
        value = merged(*(each.get(name, _ABSENT) for each in (whole, before, after)))
        if value is not _ABSENT:
            yield name, value


def _items(whole: list[Any], before: list[Any], after: list[Any]) -> Iterator[Any]:
    """Items that stay are known by what they say, and those between them by their place."""
    said, says = ([msgspec.json.encode(each, order="sorted") for each in items] for items in (before, after))
    for _, start, end, new_start, new_end in SequenceMatcher(None, said, says, autojunk=False).get_opcodes():
        for index, new in enumerate(after[new_start:new_end], start):
            yield merged(whole[index], before[index], new) if index < end else new
