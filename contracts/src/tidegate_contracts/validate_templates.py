"""What is wrong with the templates that an analysis names, as far as that can be said without reading them.

Called by `validate_analysis`. What stands in the templates is looked at by the metrics-analyzer, when it reads them.
"""

import re
from collections.abc import Iterator
from typing import Final

from tidegate_contracts import limits, names
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.templates import TemplateArgument

_ARGUMENT_NAME: Final = re.compile(r"[A-Za-z0-9_](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9_])?", re.ASCII)
_PATTERN_LENGTH_MAX: Final = limits.NAME_LENGTH_MAX
_SOURCES: Final = ("value", "pod_template_hash", "field_path")


def template_problems(field: str, analysis: Analysis) -> Iterator[Problem]:
    if not analysis.templates:
        for part in ("arguments", "dry_run"):
            if getattr(analysis, part):
                yield problem(f"{field}.{part}", "", "given with templates only", "Name a template, or take it out.")
        return
    yield from _templates(f"{field}.templates", analysis)
    yield from _arguments(f"{field}.arguments", analysis.arguments)
    yield from _patterns(f"{field}.dry_run", analysis.dry_run)


def _templates(field: str, analysis: Analysis) -> Iterator[Problem]:
    yield from _too_many(field, len(analysis.templates), limits.TEMPLATES_MAX)
    for index, template in enumerate(analysis.templates):
        if not names.is_name(template.name):
            yield problem(f"{field}[{index}].name", template.name, names.NAME_RULE, "Give a template's name.")
        if template in analysis.templates[:index]:
            yield problem(f"{field}[{index}]", template.name, "named once", "Take one of them out.")


def _arguments(field: str, arguments: tuple[TemplateArgument, ...]) -> Iterator[Problem]:
    yield from _too_many(field, len(arguments), limits.TEMPLATE_ARGUMENTS_MAX)
    seen: set[str] = set()
    for index, argument in enumerate(arguments):
        yield from _argument(f"{field}[{index}]", argument)
        if argument.name in seen:
            yield problem(f"{field}[{index}].name", argument.name, "given once", "Take one of them out.")
        seen.add(argument.name)


def _argument(field: str, argument: TemplateArgument) -> Iterator[Problem]:
    if not _ARGUMENT_NAME.fullmatch(argument.name):
        rule = "at most 63 letters, digits, '-', '_' and '.'"
        yield problem(f"{field}.name", argument.name, rule, "Give the name that the template declares.")
    given = [source for source in _SOURCES if getattr(argument, source) is not None]
    if len(given) != 1:
        rule = f"exactly one of {', '.join(_SOURCES)}"
        yield problem(field, ", ".join(given) or "none", rule, "Say where the value comes from.")
    for source in given:
        text = getattr(argument, source)
        if len(text) > limits.ARGUMENT_LENGTH_MAX or not text.replace("\n", " ").replace("\t", " ").isprintable():
            rule = f"at most {limits.ARGUMENT_LENGTH_MAX} printable characters, blanks and new lines"
            yield problem(f"{field}.{source}", f"{len(text)} characters", rule, "Shorten it, or remove the others.")


def _patterns(field: str, patterns: tuple[str, ...]) -> Iterator[Problem]:
    yield from _too_many(field, len(patterns), limits.CHECKS_MAX)
    for index, pattern in enumerate(patterns):
        if not 1 <= len(pattern) <= _PATTERN_LENGTH_MAX or not pattern.isprintable():
            rule = f"1 to {_PATTERN_LENGTH_MAX} printable characters"
            yield problem(f"{field}[{index}]", pattern, rule, "Give a metric's name, or a part of it.")
        if pattern in patterns[:index]:
            yield problem(f"{field}[{index}]", pattern, "given once", "Take one of them out.")


def _too_many(field: str, count: int, most: int) -> Iterator[Problem]:
    if count > most:
        yield problem(field, count, f"at most {most}", "Give fewer.")
