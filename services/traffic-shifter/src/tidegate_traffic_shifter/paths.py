"""Two conditions on a path at once, where prefixes are compared letter by letter, as Contour and Istio do. Pure.

An order's prefix means whole path elements, so that it becomes two conditions: the path itself and all below it.
Called by `conditions` and `virtual_matches`; a Gateway compares by elements itself (`matches`).
"""

from tidegate_contracts.rollout import HttpMatch

Path = tuple[str, str]
"""`prefix`, `exact` or `regex`, and its value."""


def both(own: Path | None, wanted: HttpMatch) -> list[Path | None]:
    """What says that both hold, one or the other of several; nothing where no path is in both, or it can't be known.

    None in it is a request of any path.
    """
    asked = _asked(wanted)
    if not asked:
        return [own]
    found = [_meet(own or ("prefix", "/"), each) for each in asked]
    return [each for each in found if each is not None]


def has_path(wanted: HttpMatch) -> bool:
    return bool(_asked(wanted))


def _asked(wanted: HttpMatch) -> list[Path]:
    if wanted.path_exact is not None:
        return [("exact", wanted.path_exact)]
    if wanted.path_regex is not None:
        return [("regex", wanted.path_regex)]
    if wanted.path_prefix is not None:
        trimmed = wanted.path_prefix.rstrip("/")
        return [("exact", trimmed), ("prefix", f"{trimmed}/")] if trimmed else [("prefix", "/")]
    return []


def _meet(own: Path, asked: Path) -> Path | None:
    if own == asked:
        return own
    match own[0], asked[0]:
        case "prefix", "regex":
            return asked if own[1] == "/" else None
        case "prefix", _ if asked[1].startswith(own[1]):
            return asked
        case "prefix" | "exact", "prefix" if own[1].startswith(asked[1]):
            return own
        case _:
            return None
