"""The figures of kinds, processes and watches, from what was measured."""

from pathlib import Path

import pytest

from tidegate_bench import guarded, kinds, mixed, processes, table, webhook_calls
from tidegate_bench.kinds import Run
from tidegate_bench.workloads import VARIANTS, manifest

STAT = "12 (a (strange) name) S 1 12 12 0 -1 4194560 10 0 0 0 150 50 7 7 20 0 4 0 100 200 300"
STATUS = "Name:\tpython\nVmPeak:\t  300000 kB\nVmRSS:\t   65000 kB\n"


def test_a_ratio_is_that_of_the_medians() -> None:
    native = [Run(2.0, 0, 60), Run(2.5, 0, 70), Run(9.0, 0, 50)]
    ours = [Run(3.0, 15, 80), Run(2.0, 20, 75), Run(40.0, 25, 90)]
    assert kinds.figures(native, ours) == {
        "step_s": pytest.approx(0.6),
        "native_step_s": pytest.approx(0.5),
        "ratio": pytest.approx(1.2),
        "api_writes_per_step": 4.0,
        "all_api_writes_per_step": 16.0,
        "native_api_writes_per_step": 12.0,
    }


def test_processor_time_is_read_past_any_name() -> None:
    assert processes.used_s(STAT, ticks_per_s=100) == pytest.approx(2.0)


def test_resident_memory_is_what_is_resident() -> None:
    assert processes.resident_mb_of(STATUS) == pytest.approx(66.56)


def test_streams_are_counted_by_copy_and_kind_of_object() -> None:
    assert mixed.most_streams({"workload-controller": {"pods": 2, "deployments.apps": 1}, "shifter": {"pods": 1}}) == 2
    assert mixed.most_streams({"workload-controller": {}}) == 0


def test_the_mixture_has_every_variant_and_as_many_pods_of_each() -> None:
    waiting = mixed.mixture()
    assert {each.variant.label for each in waiting} == {variant.label for variant in VARIANTS}
    assert len({each.name for each in waiting}) == mixed.HELD
    assert {len(set(each.nodes)) for each in waiting if each.variant.shape.per_node} == {mixed.REPLICAS}
    assert not any(each.nodes for each in waiting if not each.variant.shape.per_node)


def test_a_workload_for_some_nodes_says_so_in_its_template() -> None:
    (each,) = [each for each in mixed.mixture() if each.variant.shape.per_node][:1]
    spec = manifest(each.variant.shape, each.name, version="v1", nodes=each.nodes)["spec"]
    assert "replicas" not in spec
    assert all(node in str(spec["template"]["spec"]["affinity"]) for node in each.nodes)


def test_the_table_shows_what_was_measured() -> None:
    cost = {"step_s": 0.6, "native_step_s": 0.5, "ratio": 1.2, "api_writes_per_step": 3.0}
    (row,) = table.goals({"kinds": {"clone-set partition": cost}})
    assert (row.value, row.goal) == (1.2, 1.3)
    assert "0.60 s on 0.50 s" in row.note


def test_a_floor_is_named_with_its_ratio() -> None:
    assert table.floor_note({"ours": 3.0, "floor": 1.5}, "ours", "floor") == "2.00 x the native 1.5 s"


def test_one_and_twenty_rollouts_are_shown_beside_their_floors(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {
        "hardware": {"cores": 2, "cpu": "some", "memory_gb": 25.0},
        "one_rollout_s": 2.4,
        "native_update_s": 1.2,
        "twenty_rollouts_s": 12.0,
        "twenty_native_s": 10.0,
        "handover_ms": {"p50": 41.0, "p99": 117.0},
        "verdict_to_safe_s": 0.05,
        "requests_lost": 0,
        "api_writes_per_step": 3.2,
        "takeover_s": 2.2,
        "services": {"orchestrator": {"ready_s": 1.4, "idle_mb": 66.0, "held_100_mb": 67.0}},
    }
    notes = {row.name: row.note for row in table.goals(figures)}
    assert notes["one rollout, 5 steps, 10 pods"] == "2.00 x the native 1.2 s"
    assert notes["twenty rollouts at once"] == "1.20 x the native 10 s"
    table.show(figures)
    assert "Tidegate on 2 cores" in capsys.readouterr().out


def test_tails_are_told_beside_the_median() -> None:
    assert guarded.spread([float(number) for number in range(101)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def test_a_guarded_write_stands_beside_one_that_nobody_guards() -> None:
    tails = {"p50": 5.0, "p95": 9.0, "p99": 12.0}
    figures = {"writes_per_s": 50, "call_ms": tails | {"p99": 4.0}, "accepted_ms": tails}
    write, accepted = table.goals({"guards": figures | {"write_ms": tails, "unguarded_write_ms": tails}})
    assert (write.value, write.goal, write.note) == (4.0, 20, "a whole write 12 ms, 12 ms where nobody guards")
    assert (accepted.value, accepted.goal) == (9.0, 300)


LOG = """
I1128 15:00:00.100000   7 round_trippers.go:632] "Response" verb="POST" url="https://localhost:1/hold?timeout=2s" status="200 OK" milliseconds=0
I1128 15:00:00.200000   7 round_trippers.go:632] "Response" verb="GET" url="https://127.0.0.1:6443/api/v1/pods?limit=500" status="200 OK" milliseconds=9
I1128 15:00:00.300000   7 round_trippers.go:632] "Response" verb="POST" url="https://localhost:2/rollouts?timeout=2s" status="200 OK" milliseconds=8
I1128 15:00:00.400000   7 round_trippers.go:632] "Response" verb="POST" url="https://localhost:1/hold?timeout=2s" status="" milliseconds=2000
"""  # noqa: E501 - as it is written


def test_the_calls_of_one_webhook_are_told_from_all_else_that_the_api_server_asks(tmp_path: Path) -> None:
    file = tmp_path / "kube-apiserver.log"
    file.write_text(LOG)
    log = webhook_calls.ApiServerLog(file)
    assert log.calls_ms("/hold") == [], "what was before"
    with file.open("a") as written:
        written.write(LOG)
    assert log.calls_ms("/hold") == [1.0, 2001.0]
    assert log.calls_ms("/rollouts") == [9.0]
