"""Writes what a script makes of the user's own object, of any kind, and gives it back: Kruise's custom networks.

The user's own spec, labels and annotations are kept in an annotation, and so is what was made of them: whatever differs
from that is somebody's edit, which becomes part of the user's own (`three_way`). Every look is live, since labels and
annotations don't count up an object's generation. `shift` and `clearing` call it.
"""

from typing import Any, Final

from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.kruises_hold import ORIGINAL
from tidegate_contracts.routers import Abilities
from tidegate_traffic_shifter import kept, marks, problems
from tidegate_traffic_shifter.cluster import WakeKey, WakingCluster
from tidegate_traffic_shifter.disowning import disown
from tidegate_traffic_shifter.editors import editor
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.kept import Kept
from tidegate_traffic_shifter.lua.answer import Failed
from tidegate_traffic_shifter.lua.runner import Runner
from tidegate_traffic_shifter.outcome import Outcome, Pending, Refused, Repair, Settled, repaired
from tidegate_traffic_shifter.rights import Rights, preferred
from tidegate_traffic_shifter.router import Marked, Place
from tidegate_traffic_shifter.script_parts import Part, Scripted, object_input, part_of
from tidegate_traffic_shifter.script_sources import ScriptSources
from tidegate_traffic_shifter.served import unserved
from tidegate_traffic_shifter.share import Share

VERBS: Final = ("get", "list", "watch", "patch")


class Scripting:
    """Args:
    cluster: Where objects are read and written.
    runner: Who runs scripts.
    sources: Where they come from.
    abilities: What can be asked of it.
    """

    def __init__(self, cluster: WakingCluster, runner: Runner, sources: ScriptSources, abilities: Abilities) -> None:
        self.abilities = abilities
        self._cluster = cluster
        self._client = cluster.client
        self._runner = runner
        self._sources = sources
        self._rights = Rights(cluster.client)

    async def unserved(self, place: Place) -> Refused | None:
        return await unserved(self._client, place, place.api_version, place.kind)

    def wake_keys(self, place: Place) -> list[WakeKey]:
        return [(place.kind, place.namespace, place.route)]

    async def check(self, place: Place, share: Share, fence: Fence) -> Refused | None:
        resource = await self._resource(place)
        if missing := await self._rights.missing(resource, VERBS):
            return Refused(problems.forbidden(place, resource.qualified_plural, missing))
        self._cluster.wake_beside(resource)
        found = await self._read(place)
        if isinstance(found, NotFound):
            return Refused(problems.missing_route(place, place.kind))
        if ORIGINAL in found.metadata.annotations:
            return Refused(problems.held_by_kruise(place, self._called(place)))
        objected = self._objected(place, found, fence)
        if objected is not None or kept.stands(found, share):
            return objected if isinstance(objected, Refused) else None
        made = await self._made(place, kept.own(found).part, share)
        return made if isinstance(made, Refused) else None

    async def share(self, place: Place, fence: Fence) -> Share | None:
        found = await self._read(place)
        if isinstance(found, NotFound) or not fence.holds(found.metadata):
            return None
        return marks.saved_share(found.metadata.annotations)

    async def shift(self, place: Place, share: Share, fence: Fence) -> Outcome:
        answer = await self._client.get(await self._resource(place), place.namespace, place.route)
        if isinstance(answer, NotFound):
            return Refused(problems.missing_route(place, place.kind))
        found = decode(answer, Scripted)
        objected = self._objected(place, found, fence)
        if objected is not None:
            return objected
        if kept.stands(found, share) and fence.holds(found.metadata):
            return Settled()
        own, edit = kept.own(found), kept.edit(found)
        by = editor(answer, edit)
        if own.conflicts and not share.is_empty:
            return Refused(problems.edited_by_both(self._called(place), own.conflicts, by))
        wanted = await self._made(place, own.part, share)
        if isinstance(wanted, Refused):
            # Requests that have to leave don't wait for a script: the user's own part sends none to the new version.
            return await self.restore(place, fence) if share.is_empty else wanted
        edited = Repair(self._called(place), by) if edit else None
        return await self._write(place, found, Kept(own.part, wanted, share), fence, edited)

    async def restore(self, place: Place, fence: Fence) -> Outcome:
        resource = await self._resource(place)
        answer = await self._client.get(resource, place.namespace, place.route)
        if isinstance(answer, NotFound):
            return Settled()
        found, edited = decode(answer, Scripted), None
        if marks.read(found.metadata.annotations) is not None:
            objected = self._objected(place, found, fence)
            if objected is not None:
                return Settled() if isinstance(objected, Refused) else objected
            own, by = kept.own(found), editor(answer, kept.edit(found))
            answer = await self._send(place, kept.patch(found, own.part, marks.removal()), fence)
            if isinstance(answer, NotFound):
                return Settled()
            edited = Repair(f"{', '.join(own.conflicts)} of {self._called(place)}", by) if own.conflicts else None
        return repaired(await disown(self._client, resource, answer, fence), edited)

    async def marked(self) -> list[Marked]:
        """Of all kinds that there is a script for."""
        found = []
        for kind, group in sorted(await self._sources.kinds()):
            resource = await preferred(self._client, group, kind)
            if resource is not None:
                page = await self._client.list_all(resource)
                objects = [decode(raw, Scripted) for raw in page.items]
                found += [each for one in objects if (each := kept.marked(resource, one)) is not None]
        return found

    async def _write(self, place: Place, found: Scripted, wanted: Kept, fence: Fence, edited: Repair | None) -> Outcome:
        """Tried first: what the API server makes of it, with its defaults, is what stands there later."""
        tried = await self._client.patch(
            await self._resource(place),
            place.namespace,
            place.route,
            kept.patch(found, wanted.made, {}),
            style=PatchStyle.MERGE,
            dry_run=True,
        )
        if isinstance(tried, NotFound):
            return Pending(f"{self._called(place)} was deleted meanwhile", again_s=0.0)
        wanted = wanted._replace(made=decode(tried, Scripted).part)
        if wanted.made != found.part:
            fence.contest.repairing(edited)
        body = kept.patch(found, wanted.made, fence.ours.annotations(**wanted.annotations(place.route)))
        answer = await self._send(place, body, fence)
        if isinstance(answer, NotFound):
            return Pending(f"{self._called(place)} was deleted meanwhile", again_s=0.0)
        return Settled(edited)

    async def _send(self, place: Place, body: dict[str, Any], fence: Fence) -> bytes | NotFound:
        fence.ensure()
        answer = await self._client.patch(
            await self._resource(place), place.namespace, place.route, body, style=PatchStyle.MERGE
        )
        if not isinstance(answer, NotFound):
            fence.wrote(self._called(place), decode(answer, Scripted).metadata)
        return answer

    async def _made(self, place: Place, own: Part, share: Share) -> Part | Refused:
        script = await self._sources.of_kind(place.kind, place.group)
        if isinstance(script, Failed):
            return Refused(problems.without_script(place, script.reason))
        part = part_of(await self._runner.run(script, object_input(own, share)))
        if isinstance(part, Failed):
            return Refused(problems.script_failed(place, self._called(place), part.reason))
        return part

    async def _read(self, place: Place) -> Scripted | NotFound:
        return await self._client.read(await self._resource(place), place.namespace, place.route, Scripted)

    def _objected(self, place: Place, found: Scripted, fence: Fence) -> Refused | Pending | None:
        """Why the object must not be written: another rollout's, or another router's of the same."""
        objected = fence.look(self._called(place), found.metadata)
        annotations = found.metadata.annotations
        if objected is None and marks.read(annotations) is not None and marks.saved_made(annotations) is None:
            return Refused(problems.held_by_another_router(place, self._called(place)))
        return objected

    async def _resource(self, place: Place) -> Resource:
        """Remembered by the client since `unserved` was asked."""
        found = await self._client.discover(place.api_version, place.kind)
        assert not isinstance(found, NotFound), "a kind that is not served was refused before"
        return found

    def _called(self, place: Place) -> str:
        return f"{place.kind} {place.route}"
