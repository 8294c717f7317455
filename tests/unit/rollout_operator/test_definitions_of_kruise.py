"""Our definitions beside Kruise's own, field by field: whatever differs is listed here with its reason.

So what Kruise's definition accepts is accepted by ours, with the same defaults; the table is derived from Kruise's by
tests/support/definition_fields.py.
"""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from support.definition_fields import PLURALS, Fields, fields_of
from support.definitions import DIRECTORY

THEIRS: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "definition_fields.json").read_text())
OURS: Final = {
    f"{plural} {version}": fields
    for plural in PLURALS
    for version, fields in fields_of(yaml.safe_load((DIRECTORY / f"{plural}.yaml").read_text())).items()
}

ADDED: Final = "ours, beyond Kruise's"
PARTS: Final = "a status is the operator's; a patch of one part of it needs no other part"
HEADERS: Final = "v1alpha1's headers have no such rule: one said twice there would be stored unlike its own definition"
MIRROR: Final = "a BatchRelease is a mirror: what somebody else writes into it is written over, whatever it lacks"
DOOR: Final = "a TrafficRouting may be matched by whatever a Rollout's step is"

LACKS_RULE, ADDS_RULE, LACKS, ADDS, OTHER = "lacks the rule", "adds the rule", "lacks", "adds", "has another"
INTENDED: Final[dict[str, str]] = {
    "rollouts v1beta1 adds .spec.strategy.analysis*": ADDED,
    "rollouts v1beta1 adds .spec.strategy.bake*": ADDED,
    "rollouts v1beta1 adds .spec.strategy.deadlines*": ADDED,
    "rollouts v1beta1 adds .spec.strategy.onFailure": ADDED,
    "rollouts v1beta1 adds .spec.strategy.*.steps[[]].analysis*": ADDED,
    "rollouts v1beta1 lacks the rule x-kubernetes-list-* of *.steps[[]].matches[[]].headers": HEADERS,
    "rollouts v1beta1 lacks the rule x-kubernetes-list-* of *.steps[[]].matches[[]].queryParams": HEADERS,
    "rollouts * lacks the rule required of .status*": PARTS,
    "rollouts * has another required of .status.conditions[[]]": PARTS,
    "rollouts * adds .status.observed*": ADDED,
    "rollouts v1alpha1 adds .status.v1beta1Spec": ADDED,
    "rollouts v1alpha1 adds .status.blueGreenStatus*": "a blue-green Rollout's status is told in v1alpha1, too",
    "rollouts v1alpha1 adds .status.currentStep*": "told in both versions alike",
    "batchreleases * lacks the rule required of .spec.releasePlan": MIRROR,
    "batchreleases v1alpha1 adds *": "what earlier versions of Kruise had",
    "trafficroutings v1alpha1 adds .spec.strategy.matches[[]].path*": DOOR,
    "trafficroutings v1alpha1 adds .spec.strategy.matches[[]].queryParams*": DOOR,
}


def differences(name: str, theirs: Fields, ours: Fields) -> Iterator[str]:
    for path in sorted({*theirs, *ours}):
        if path not in ours or path not in theirs:
            yield f"{name} {LACKS if path not in ours else ADDS} {path}"
            continue
        for rule in sorted({*theirs[path], *ours[path]}):
            their, our = theirs[path].get(rule), ours[path].get(rule)
            if their != our:
                how = LACKS_RULE if our is None else ADDS_RULE if their is None else OTHER
                yield f"{name} {how} {rule} of {path}"


ALL: Final = [
    said for name in THEIRS if name != "source" for said in differences(name, THEIRS[name], OURS.get(name, {}))
]


def reasons(said: str) -> list[str]:
    return [pattern for pattern in INTENDED if fnmatchcase(said, pattern)]


def test_both_have_the_same_versions() -> None:
    assert {"source", *OURS} == set(THEIRS)


def test_a_definition_differs_from_kruises_only_as_listed() -> None:
    assert [said for said in ALL if not reasons(said)] == []


@pytest.mark.parametrize("pattern", INTENDED)
def test_no_reason_is_given_for_what_does_not_differ(pattern: str) -> None:
    assert any(fnmatchcase(said, pattern) for said in ALL)
