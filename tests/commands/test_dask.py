"""`--engine dask`: a real scheduler with two workers, on loopback, does what this machine would."""

import asyncio
import json
import pickle
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import structs

from tests.benchmarks.kill import serving, words
from tests.commands.sessions import write_journal
from tests.reports.scans import answered, begin, end, up
from vscan_tui.cli import main
from vscan_tui.commands.rematch import _Teller
from vscan_tui.commands.task import Task, prepared
from vscan_tui.events import (
    ExchangeStarted,
    InterrogationStarted,
    PortFinished,
    ScanEnding,
)
from vscan_tui.options import parse_options
from vscan_tui.options.model import ScanOptions
from vscan_tui.scanning.transport.rate import RateLimit
from vscan_tui.session.journal import read_events
from vscan_tui.session.store import Store

distributed = pytest.importorskip("distributed")
cluster_module = pytest.importorskip("vscan_tui.commands.cluster")
sharded_scan = pytest.importorskip("vscan_tui.commands.sharded_scan")

PATIENCE = 30
RULES = r"""Probe TCP NULL q||
match ssh m|^SSH-([\d.]+)-(\S+)\r\n| p/$2/ i/protocol $1/
"""


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@contextmanager
def started(*command):
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


@contextmanager
def worker(address, client):
    """One more worker, without a nanny, so that it stays dead when it dies."""
    before = set(client.scheduler_info()["workers"])
    options = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
    with started("distributed.cli.dask_worker", address, *options) as process:
        wait_until(lambda: set(client.scheduler_info()["workers"]) - before)
        yield process


def wait_until(is_so):
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def scheduler():
    port = str(free_port())
    options = ["--host", "127.0.0.1", "--port", port, "--no-dashboard"]
    with (
        started("distributed.cli.dask_scheduler", *options),
        distributed.Client(f"127.0.0.1:{port}", timeout=PATIENCE, set_as_default=False) as client,
    ):
        yield f"127.0.0.1:{port}", client


@pytest.fixture(scope="module")
def cluster(scheduler):
    address, client = scheduler
    with worker(address, client), worker(address, client):
        yield address


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(5):
        write_journal(
            folder / f"{number}.jsonl", begin(), up(),
            answered(22, ("NULL", b"SSH-2.0-Own%d\r\n" % number)), end(),
        )  # fmt: skip
    records = [json.dumps({"probe": "NULL", "response": "U1NILTIuMC1YDQo="})] * 5000
    records[2500] = "no record"
    (folder / "records.jsonl").write_text("\n".join(records))
    return folder


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "own.probes"
    path.write_text(RULES)
    return path


def rematched(capsys, corpus, database, *engine):
    status = main(
        ["rematch", "--jsonl", "--all", "--versiondb", str(database), *engine, str(corpus)]
    )
    told = capsys.readouterr()
    return status, told.out, told.err


def test_workers_answer_as_processes_here_do(capsys, cluster, corpus, database):
    here = rematched(capsys, corpus, database, "--jobs", "1")

    there = rematched(capsys, corpus, database, "--engine", "dask", "--scheduler", cluster)

    assert there == here
    status, out, err = there
    assert status == 1  # because of one record
    assert len(out.splitlines()) == 5004
    assert "records.jsonl:2501: " in err
    assert json.loads(out.splitlines()[3])["new"] == "ssh Own3 (protocol 2.0)"


def test_workers_need_neither_the_database_nor_the_journals_as_files(
    capsys, cluster, corpus, database, monkeypatch
):
    """They run in another folder than this process, in which the names mean nothing."""
    monkeypatch.chdir(corpus.parent)

    status, out, _ = rematched(
        capsys, "corpus/1.jsonl", "own.probes", "--engine", "dask", "--scheduler", cluster
    )

    assert status == 0
    assert json.loads(out)["new"] == "ssh Own1 (protocol 2.0)"


def test_the_work_of_a_worker_that_dies_is_done_by_another(
    capsys, cluster, scheduler, corpus, database, monkeypatch
):
    tell = _Teller.tell

    def kill_and_tell(self, results, batch):
        mortal.kill()
        tell(self, results, batch)

    with worker(*scheduler) as mortal:
        monkeypatch.setattr(_Teller, "tell", kill_and_tell)
        _, out, _ = rematched(capsys, corpus, database, "--engine", "dask", "--scheduler", cluster)

    assert len(out.splitlines()) == 5004


@pytest.mark.parametrize("command", ["rematch", "scan"])
def test_a_scheduler_that_is_not_there_is_told(capsys, corpus, database, monkeypatch, command):
    monkeypatch.setattr("vscan_tui.commands.cluster.CONNECT_SECONDS", 0.5)
    engine = ["--engine", "dask", "--scheduler", f"127.0.0.1:{free_port()}"]
    what = ["rematch", str(corpus)] if command == "rematch" else ["--headless", "127.0.0.1"]

    assert main([*what, "--versiondb", str(database), *engine]) == 1

    assert "no dask scheduler answers at 127.0.0.1:" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["rematch", "x"], ["--headless", "127.0.0.1"]])
def test_without_the_library_it_is_told_how_to_get_it(capsys, monkeypatch, database, command):
    monkeypatch.setitem(sys.modules, "vscan_tui.commands.cluster", None)
    engine = ["--engine", "dask", "--scheduler", "127.0.0.1:1", "--versiondb", str(database)]

    assert main([*command, *engine]) == 1

    assert "install vscan_tui[dask]" in capsys.readouterr().err


def test_workers_of_another_version_are_told(capsys, cluster, corpus, database, monkeypatch):
    monkeypatch.setattr("vscan_tui.commands.cluster.__version__", "999")

    status, out, err = rematched(
        capsys, corpus, database, "--engine", "dask", "--scheduler", cluster
    )

    assert (status, out) == (1, "")
    assert "and this is 999; install the same version everywhere" in err


def test_a_scheduler_without_workers_is_told():
    with pytest.raises(cluster_module.ClusterError, match="has no workers"):
        cluster_module.checked("192.0.2.1", {})


# Scans -------------------------------------------------------------------------------------------


def scanned(folder, servers, *more):
    report, journals = folder / "report.jsonl", folder / "journals"
    hosts = [f"127.0.0.{number}" for number in range(1, 5)]
    arguments = words(folder, servers, "--journal-dir", str(journals), "-oJ", str(report))
    status = main([*arguments[:-1], *more, *hosts])
    told = [json.loads(line) for line in report.read_text().splitlines()]
    table = {
        (line["address"], line["port"]): (line["state"], line["outcome"], line["version"])
        for line in told
        if line["type"] == "port"
    }
    return status, table, next(journals.iterdir())


@pytest.fixture
def servers(monkeypatch):
    monkeypatch.setattr("tests.benchmarks.kill.HOST", "0.0.0.0")  # all of 127.0.0.0/8
    with serving(4) as running:
        monkeypatch.setattr("tests.benchmarks.kill.HOST", "127.0.0.1")
        yield running


def test_a_scan_by_two_workers_finds_what_one_machine_finds(tmp_path, capsys, cluster, servers):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    here = scanned(tmp_path / "here", servers)

    there = scanned(tmp_path / "there", servers, "--engine", "dask", "--scheduler", cluster)

    assert there[:2] == here[:2]
    assert len(there[1]) == 4 * 4
    store = Store()
    for event in read_events(there[2]):
        store.apply(event)
    assert store.planned.hosts == 4
    assert store.discovered == store.to_discover == 4 * 4
    assert store.ended.ending == "done"
    assert all(port.exchanges for port in store.ports.values())


def test_a_worker_that_dies_leaves_a_partial_scan_and_a_sentence(
    tmp_path, capsys, cluster, scheduler, servers, monkeypatch
):
    begin_shard = sharded_scan.ShardedScan._follow
    followed = []

    async def kill_one(self, address, scanner, shard):
        if address not in known:
            mortal.kill()
        followed.append((address, shard))
        await begin_shard(self, address, scanner, shard)

    known = set(scheduler[1].scheduler_info()["workers"])
    monkeypatch.setattr(sharded_scan.ShardedScan, "_follow", kill_one)
    with worker(*scheduler) as mortal:
        status, table, journal = scanned(
            tmp_path, servers, "--engine", "dask", "--scheduler", cluster
        )

    assert status == 1
    assert "of its hosts were not scanned to the end" in capsys.readouterr().err
    whole = [shard for address, shard in followed if address in known]
    assert len(table) == 4 * sum(shard.hosts for shard in whole)

    assert main(["resume", "--headless", "-oJ", str(tmp_path / "all"), str(journal)]) == 1
    ports = [json.loads(line)["type"] for line in (tmp_path / "all").read_text().splitlines()]
    assert ports.count("port") == 4 * 4


def test_the_budgets_are_for_all_workers_together():
    options = ScanOptions(max_rate=100.0, max_parallelism=8)
    task = Task(options, ("127.0.0.1",), (), None, None, None, None, RateLimit(100.0))

    own = pickle.loads(pickle.dumps(sharded_scan._share(task, 4)))

    assert (own.options.max_rate, own.rate.per_second, own.options.max_parallelism) == (25, 25, 2)
    assert own.options.timing.parallel_interrogations == 2


async def test_a_scan_that_is_interrupted_ends_what_its_workers_do(cluster, servers, tmp_path):
    task = prepared(parse_options([*words(tmp_path, servers), "--engine", "dask",
                                   "--scheduler", cluster]))  # fmt: skip
    source, events = sharded_scan.ShardedScan(task, (), cluster), []
    running = asyncio.create_task(source.run(events.append))
    while not any(isinstance(event, ExchangeStarted) for event in events):
        await asyncio.sleep(0.01)

    running.cancel()
    await asyncio.wait([running])

    assert running.cancelled()
    assert events[-1].ending is ScanEnding.INTERRUPTED
    begun = {event.endpoint for event in events if isinstance(event, InterrogationStarted)}
    ended = {event.endpoint for event in events if isinstance(event, PortFinished)}
    assert begun
    assert begun == ended


@pytest.mark.parametrize(
    ("told", "behind"), [(100.0, 0.0), (100.2, 0.0), (90.1, 10.0), (160.1, -60.0), (99.0, 1.1)]
)
def test_a_workers_clock_is_corrected_where_it_cannot_be_the_same(told, behind):
    assert sharded_scan.clock_behind(100.0, told, 100.2) == pytest.approx(behind)


def test_what_a_worker_tells_is_recorded_in_the_time_of_this_machine():
    scan = sharded_scan.ShardedScan(None, (), "127.0.0.1:1")
    taken = []
    scan._emit, scan._behind = taken.append, {"slow": 10.0}

    for worker in ("slow", "right"):
        scan._take(worker, structs.replace(up(), time=100.0))

    assert [event.time for event in taken] == [110.0, 100.0]
