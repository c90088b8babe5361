"""On a Ray cluster of three nodes on this machine: one that only runs, and two that work."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from eval import SubjectError, WorkerError, gates
from eval.cases import MODES
from eval.evaluate import evaluate
from eval.request import Request
from eval.schema import Report, Row
from eval.workers import ThisProcess
from tests.conftest import Command
from tests.eval.workers.dying import Ends
from tests.exports import Exports

ray = pytest.importorskip("ray", reason="Ray, an extra, is not installed")
from eval.workers import bundle  # noqa: E402
from eval.workers import cluster as module  # noqa: E402
from eval.workers.cluster import RayCluster  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ray's test cluster needs POSIX")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """A cluster; `add_node` and `remove_node` are Ray's own."""
    from ray.cluster_utils import Cluster as Nodes

    os.environ["PYTHONPATH"] = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
    made = Nodes(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 2**28},
    )
    for _ in range(2):
        made.add_node(num_cpus=1, object_store_memory=2**28)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def request_(exports: Exports, work: Path, tmp_path: Path) -> Request:
    return Request(
        artifacts=(exports.get("avatar", "onnx").folder,),
        checkpoint=exports.checkpoint("avatar"),
        gates=gates.read(work / "gates.toml"),
        mode=MODES["quick"],
        out=tmp_path / "out",
        cache=tmp_path / "cache",
        skip=frozenset({"speed"}),
    )


def rows(report: Report) -> list[Row]:
    return [row for row in report.rows if row.level != "speed"]


@pytest.mark.slow
def test_losing_a_node_in_mid_run_loses_nothing(
    nodes: Any, request_: Request, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "LOCAL", tmp_path / "elsewhere")  # of this process only
    messages: list[str] = []
    first = next(node for node in nodes.worker_nodes)

    def listen(text: str, done: int = 0, total: int = 0, /) -> None:
        messages.append(text)
        if len(messages) == 4:  # something is always being done by the other node then
            nodes.remove_node(first, allow_graceful=False)

    workers = RayCluster(request_, nodes.address, listen)
    try:
        assert sum(node["Alive"] for node in ray.nodes()) == 3
        report = evaluate(request_, workers)
        assert sum(node["Alive"] for node in ray.nodes()) == 2
    finally:
        workers.close()
    tasks: list[str] = []
    with threadpool_limits(1):  # as Ray's workers have: numpy's last bits depend on it
        alone = evaluate(request_, ThisProcess(request_, lambda what, *_: tasks.append(what)))
    assert sorted(messages) == sorted(f"done: {task}" for task in tasks)
    assert report.passed
    assert rows(report) == rows(alone)
    assert report.searches == alone.searches and report.subjects == alone.subjects
    for pair in report.comparisons:
        assert (request_.out / pair.test).read_bytes().startswith(b"\x89PNG")
    assert list(request_.cache.rglob("recorded-*.safetensors")), "the runs are kept"


@pytest.mark.slow
def test_a_crash_is_tried_again_elsewhere_and_then_told(nodes: Any, request_: Request) -> None:
    workers = RayCluster(request_, nodes.address)
    try:
        workers.add(Ends(number=1), Ends(number=2, signal=11))
        found = {task.number: result for task, result in workers.results()}  # type: ignore[attr-defined]
    finally:
        workers.close()
    assert found[1] == 1
    assert found[2].reason.startswith("WorkerCrashedError")


@pytest.mark.slow
def test_losing_all_nodes_ends_the_run(
    nodes: Any, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 1.0)
    workers = RayCluster(request_, nodes.address)
    try:
        for node in list(nodes.worker_nodes):
            nodes.remove_node(node, allow_graceful=False)
        workers.add(Ends(number=1))
        with pytest.raises(WorkerError, match="no machine of the cluster has 1 CPUs; 0 at most"):
            list(workers.results())
    finally:
        workers.close()
        nodes.add_node(num_cpus=1, object_store_memory=2**28)


@pytest.mark.slow
def test_a_machine_that_is_too_small_and_a_file_that_travels(
    nodes: Any, request_: Request, tmp_path: Path
) -> None:
    with pytest.raises(WorkerError, match="no machine of the cluster has 64 CPUs"):
        RayCluster(Request(**{**vars(request_), "threads": 64}), nodes.address)
    ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
    try:
        folder = request_.artifacts[0]
        copy = bundle.FileBundle.of(folder).unpack(tmp_path)
        again = bundle.FileBundle.of(copy)
        assert again.digest == bundle.FileBundle.of(folder).digest and copy.name == folder.name
        single = bundle.FileBundle.of(folder / "manifest.json").unpack(tmp_path)
        assert single.read_bytes() == (folder / "manifest.json").read_bytes()
    finally:
        ray.shutdown()


def test_usage_statistics_are_off() -> None:
    from ray._common.usage import usage_lib

    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert not usage_lib.usage_stats_enabled()


@pytest.mark.slow
def test_what_is_not_there_is_refused_before_it_is_sent(request_: Request, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(SubjectError, match=f"^no artifact at {gone}$"):
        RayCluster(replace(request_, artifacts=(*request_.artifacts, gone)), "127.0.0.1:1")
    with pytest.raises(SubjectError, match=f"^no checkpoint at {gone}$"):
        RayCluster(replace(request_, checkpoint=gone), "127.0.0.1:1")


def test_a_missing_artifact_on_the_command_line(command: Command, tmp_path: Path) -> None:
    result = command("eval", "nowhere", "--ray", "127.0.0.1:1", "--out", tmp_path)
    assert result.code == 2 and result.out == ""
    assert result.err.strip().splitlines()[-1] == "error: no artifact at nowhere"


@pytest.mark.slow
def test_no_cluster_is_one_line_and_exit_code_2(command: Command, exports: Exports) -> None:
    folder = exports.get("avatar", "onnx").folder
    result = command("eval", folder, "--ray", "127.0.0.1:1", "--quick")
    assert result.code == 2 and result.out == ""
    assert "there is no Ray cluster at 127.0.0.1:1" in result.err.strip().splitlines()[-1]
