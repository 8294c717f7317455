"""Who is counted, and as what."""

from msgspec.structs import replace
from support.native_deployment import NativeDeployment, Written

from tidegate_workload_controller.census import count, revision_of, stable_of
from tidegate_workload_controller.seen import Condition, Pod, View

NOW_S = 1_800_000_000.0


def mixed() -> View:
    """Three new pods and seven stable ones, all ready."""
    native = NativeDeployment(10, surge=0, unavailable=3)
    native.held, native.revision = True, "v2"
    native.until_still()
    native.ready_all()
    return Written(native).view()


def changed(view: View, prefix: str, change: dict[str, object], *, status: dict[str, object] | None = None) -> View:
    """The view with its first such pod changed."""
    pods = list(view.pods)
    index = next(index for index, pod in enumerate(pods) if pod.metadata.name.startswith(prefix))
    pod: Pod = pods[index]
    pods[index] = replace(pod, metadata=replace(pod.metadata, **change), status=replace(pod.status, **(status or {})))
    return replace(view, pods=tuple(pods))


def test_pods_are_counted_by_revision() -> None:
    counts = count(mixed(), new="v2", stable="v1", min_ready_s=0, now_s=NOW_S).counts
    assert (counts.updated, counts.updated_ready, counts.stable, counts.stable_ready) == (3, 3, 7, 7)


def test_pods_on_their_way_out_are_not_counted() -> None:
    view = changed(mixed(), "web-v1", {"deletion_timestamp": "2026-01-01T00:00:00Z"})
    view = changed(view, "web-v2", {}, status={"phase": "Failed"})
    census = count(view, new="v2", stable="v1", min_ready_s=0, now_s=NOW_S)
    assert (len(census.new), census.stable, census.alive) == (2, 6, 8)


def test_a_pod_counts_as_available_after_the_users_own_time() -> None:
    ready = Condition(type="Ready", status="True", last_transition_time="2026-01-01T00:00:10Z")
    view = changed(mixed(), "web-v2", {}, status={"conditions": (ready,)})
    moment_s = 1_767_225_610.0
    early = count(view, new="v2", stable="v1", min_ready_s=5, now_s=moment_s + 5.0)
    assert (early.available, early.new_ready, early.next_available_s) == (2, 3, moment_s + 6.0)
    late = count(view, new="v2", stable="v1", min_ready_s=5, now_s=moment_s + 6.0)
    assert (late.available, late.next_available_s) == (3, None)


def test_pods_that_the_native_controller_is_about_to_remove_are_not_available() -> None:
    view = mixed()
    fewer = tuple(replace(each, told=1) if each.name == "v2" else each for each in view.revisions)
    census = count(replace(view, revisions=fewer), new="v2", stable="v1", min_ready_s=0, now_s=NOW_S)
    assert (census.new_ready, census.available) == (3, 1)


def test_before_the_new_revision_exists_nothing_is_new() -> None:
    census = count(mixed(), new=None, stable="v1", min_ready_s=0, now_s=NOW_S)
    assert (len(census.new), census.new_told, census.old_told) == (0, 0, 10)


def test_pods_of_a_third_revision_are_neither_new_nor_stable() -> None:
    census = count(mixed(), new="v3", stable="v1", min_ready_s=0, now_s=NOW_S)
    assert (len(census.new), census.stable, census.alive) == (0, 7, 10)


def test_a_revision_is_known_by_its_template_the_oldest_first() -> None:
    view = replace(mixed(), digests={"v1": "same", "v2": "same"})
    assert revision_of(view, "same") == "v1"
    assert revision_of(view, "other") is None


def test_stable_is_what_carries_the_workload_now() -> None:
    view = mixed()
    assert stable_of(view) == "v1"
    assert stable_of(view, besides="v1") == "v2"
    unready = replace(view, pods=tuple(pod for pod in view.pods if "v1" not in pod.metadata.name))
    assert stable_of(unready) == "v2"
