"""The bus' verdicts and alerts, for those analyses of this copy that wait for some; and the keys that prove a verdict.

Made by `app`. Every copy hears all of a cluster's, and reads from the streams only what one of its orders waits for: so
it doesn't matter which copy holds the order, and a copy that takes one over finds what was told before.
"""

from collections import defaultdict
from pathlib import Path
from typing import NoReturn

from tidegate_chassis.context import Context
from tidegate_chassis.following import Following
from tidegate_chassis.hearing import hear_subjects
from tidegate_contracts import names, subjects
from tidegate_contracts.signing import KEY_LENGTH_MIN
from tidegate_metrics_analyzer.outbound import secrets
from tidegate_metrics_analyzer.outside import Wanted


class Postbox:
    """Args:
    context: The service's parts.
    keys_directory: Where keys are mounted, as `<namespace>/<key>`; None: nowhere.
    """

    def __init__(self, context: Context, keys_directory: Path | None) -> None:
        self._context = context
        self._cluster = context.settings.cluster
        self._keys_directory = keys_directory
        self._followed: defaultdict[str, set[Following]] = defaultdict(set)
        hear_subjects(context.broker, subjects.verdicts_of(self._cluster), self._heard)
        hear_subjects(context.broker, subjects.alerts_of(self._cluster), self._heard)
        context.connection.on_reconnected(self._look_again)

    def verdicts_on(self, namespace: str, rollout: str) -> str:
        return subjects.rollout_verdicts(self._cluster, namespace, rollout)

    def alerts_in(self, namespace: str) -> str:
        return subjects.alerts(self._cluster, namespace)

    async def follow(self, wanted: Wanted) -> NoReturn:
        following = Following(
            self._context.connection,
            self._context.clock,
            wanted.stream,
            wanted.subject_filter,
            wanted.take,
            since_s=wanted.since_s,
            read=wanted.read,
        )
        self._followed[wanted.subject_filter].add(following)
        try:
            await following.run()
        finally:
            self._followed[wanted.subject_filter].discard(following)
            if not self._followed[wanted.subject_filter]:
                del self._followed[wanted.subject_filter]

    def key(self, namespace: str, name: str) -> str:
        if self._keys_directory is None:
            raise ValueError("no keys are mounted (TIDEGATE_VERDICT_KEYS_DIRECTORY)")
        if not names.is_label(namespace) or not names.is_label(name):
            raise ValueError("a key's name and its namespace are DNS labels")
        what = f"the key {name} of the namespace {namespace}"
        key = secrets.read_file(self._keys_directory / namespace / name, what)
        if len(key) < KEY_LENGTH_MIN:
            raise ValueError(f"{what} is shorter than {KEY_LENGTH_MIN} characters")
        return key

    async def _heard(self, subject: str) -> None:
        for subject_filter in (subject, subjects.beside(subject)):
            for following in self._followed.get(subject_filter, ()):
                following.news()

    def _look_again(self) -> None:
        for followed in self._followed.values():
            for following in followed:
                following.news()
