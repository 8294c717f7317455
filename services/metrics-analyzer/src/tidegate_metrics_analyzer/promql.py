"""A check's query template made into PromQL, without ever letting a name change what the query means.

Pure; called by the Prometheus provider. Names go only into quoted strings, and into a regular expression only with
their dots made literal; the window goes only into a range's brackets.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from tidegate_metrics_analyzer.question import PLACEHOLDERS, PODS, Reach
from tidegate_metrics_analyzer.series import bare_series

SERVER_LOOK_BACK_S: Final = 300.0
"""Prometheus' own default for a series without a range; inside a subquery its age can't be asked for."""

BARE_SERIES_MAX: Final = 10

TEMPLATES_KEPT_MAX: Final = 2000
"""Read once, rendered for every measurement."""

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([a-z_]*)\s*\}\}")
_TOKEN: Final = re.compile(
    r"""(?P<string>"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'|`[^`]*+`)"""
    r"""|(?P<comment>\#[^\n]*+)|(?P<range>\[[^\]]*+\])|(?P<placeholder>\{\{[^{}]*+\}\})"""
    r"""|(?P<regex>[=!]~)|(?P<blank>\s++)|(?P<other>.)""",
    re.DOTALL,
)
_DURATION: Final = re.compile(r"(\d+)(ms|s|m|h|d|w|y)")
_UNIT_S: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_WINDOW: Final = "window"


def fault(template: str) -> str | None:
    """What makes the template unusable whatever the values are; None where nothing does."""
    for kind, text, is_regex in _tokens(template):
        for placeholder in _PLACEHOLDER.findall(text):
            if misplaced := _misplaced(placeholder, kind, is_regex=is_regex):
                return misplaced
        if "{{" in _PLACEHOLDER.sub("", text):
            return "a placeholder is not closed, or is not a plain word"
    if len(bare_series(template)) > BARE_SERIES_MAX:
        return f"more than {BARE_SERIES_MAX} series without a range: each one's age has to be asked for"
    return None


def _misplaced(placeholder: str, kind: str, *, is_regex: bool) -> str | None:
    if placeholder not in PLACEHOLDERS:
        return f"unknown placeholder {placeholder!r}: use {', '.join(PLACEHOLDERS)}"
    if placeholder == _WINDOW and kind != "range":
        return "the placeholder 'window' belongs into a range's brackets, as in [{{window}}]"
    if placeholder != _WINDOW and kind not in ("string", "comment"):
        return f"the placeholder {placeholder!r} belongs into quotes, as in label matchers"
    if placeholder == PODS and not is_regex:
        return "the placeholder 'pods' is a regular expression: match it, as in pod=~\"{{pods}}\""
    return None


def render(template: str, values: Mapping[str, str], window_s: float) -> str:
    """The query with its placeholders filled in.

    Raises:
        KeyError: the value of a placeholder is not known (yet).
    """
    window = {_WINDOW: f"{round(window_s * 1000)}ms"}
    in_regex = _literal_dots(values)
    rendered: list[str] = []
    for kind, text, is_regex in _tokens(template):
        known = window if kind == "range" else in_regex if is_regex else values
        rendered.append(_filled(text, known) if "{{" in text else text)
    return "".join(rendered)


def reach(template: str) -> Reach:
    """How far the query looks back. A subquery may nest every other range, and the server's own look-back."""
    ranges = [text for kind, text, _ in _tokens(template) if kind == "range"]
    fixed = [_duration_s(text) for text in ranges]
    if any(":" in text for text in ranges):
        windows = sum(1 for text in ranges if _PLACEHOLDER.search(text))
        bare_s = SERVER_LOOK_BACK_S if bare_series(template) else 0.0
        return Reach(fixed_s=sum(fixed) + bare_s, windows=max(1, windows), nested=True)
    return Reach(fixed_s=max(fixed, default=0.0))


@lru_cache(maxsize=TEMPLATES_KEPT_MAX)
def _tokens(template: str) -> tuple[tuple[str, str, bool], ...]:
    """Kind and text of each token, and whether it is a string that holds a regular expression."""
    return tuple(_found(template))


def _found(template: str) -> Iterator[tuple[str, str, bool]]:
    after_matcher = False
    for token in _TOKEN.finditer(template):
        kind = token.lastgroup or "other"
        yield kind, token.group(), kind == "string" and after_matcher
        if kind not in ("blank", "comment"):
            after_matcher = kind == "regex"


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found.group(1)], text)


def _literal_dots(values: Mapping[str, str]) -> dict[str, str]:
    """The dot is the only character of a Kubernetes name that means something in a regular expression."""
    return {placeholder: value.replace(".", "[.]") for placeholder, value in values.items()}


def _duration_s(text: str) -> float:
    look_back = text.strip("[]").partition(":")[0]
    return sum(int(number) * _UNIT_S[unit] for number, unit in _DURATION.findall(look_back))
