"""Reports grow as hosts finish, in the order in which they were found, and are whole at the end."""

import asyncio
import errno

import pytest

from tests.reports.scans import START, begin, down, end, found, others, up
from vscan_tui.events import HostFinished, Outcome, PortFinished, ScanEnding, ScanPlanned, Service
from vscan_tui.reports.files import FORMATS, GrowingFile
from vscan_tui.reports.growing import HELD_BACK, GrowingReport, ReportWriter
from vscan_tui.reports.options import ReportOptions
from vscan_tui.session.store import Store

GROWING = [suffix for suffix, each in FORMATS.items() if each.grows]
PLANNED = ScanPlanned(time=START, hosts=3, ports=1, tcp=((22, 22),))


def address(number):
    return f"10.0.{number // 256}.{number % 256}"


def host(number):
    """A host with a service, up to its verdict."""
    at = address(number)
    yield up(at)
    port = found(22, "ssh", address=at)
    yield port
    yield PortFinished(
        time=START, endpoint=port.endpoint, outcome=Outcome.HARD_MATCH, service=Service("ssh")
    )


def finished(number):
    return HostFinished(time=START, address=address(number))


class Lines:
    """A sink in memory, which may fail."""

    def __init__(self, fails_after=10**9):
        self.text = ""
        self.fails_after = fails_after

    def open(self):
        pass

    def write(self, lines):
        for line in lines:
            if len(self.text) >= self.fails_after:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.text += line

    def close(self):
        pass


class Scan:
    """A store and the writer that reports it."""

    def __init__(self, *reports, lets_go=True, options=None):
        self.store = Store()
        self.failed = []
        self.writer = ReportWriter(
            self.store,
            reports,
            options or ReportOptions(),
            tell=self.failed.append,
            lets_go=lets_go,
        )

    def take(self, *events):
        for event in events:
            self.store.apply(event)
            self.writer.observe(event)

    async def whole(self, *events):
        async with self.writer.running():
            self.take(*events)


def report(suffix="nmap", sink=None):
    return GrowingReport(f"report.{suffix}", FORMATS[suffix].parts, sink or Lines())


async def until(condition):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


async def test_a_finished_host_is_in_every_report_before_the_scan_ends():
    reports = [report(suffix) for suffix in GROWING]
    scan = Scan(*reports)
    async with scan.writer.running():
        scan.take(begin(), PLANNED, *host(1), *host(2), finished(1))
        await until(lambda: all(address(1) in each.sink.text for each in reports))
        await until(lambda: address(1) not in scan.store.hosts)
        assert not any(address(2) in each.sink.text for each in reports)
        assert "</nmaprun>" not in reports[GROWING.index("xml")].sink.text


@pytest.mark.parametrize("suffix", GROWING)
async def test_a_report_that_grew_is_the_one_that_is_written_at_the_end(suffix):
    events = [begin(), PLANNED, *host(1), down(address(2)), *host(3), others((1, 9))]
    events += [finished(2), finished(1), finished(3), end()]
    grown = report(suffix)
    options = ReportOptions(verbosity=1)
    await Scan(grown, options=options).whole(*events)
    store = Store()
    for event in events:
        store.apply(event)
    assert grown.sink.text == "".join(FORMATS[suffix].render(store, options))


@pytest.mark.parametrize("suffix", GROWING)
async def test_the_report_of_an_interrupted_scan_has_all_hosts_and_an_end(suffix):
    grown = report(suffix)
    stopped = end(ScanEnding.INTERRUPTED, "stopped by the user")
    scan = Scan(grown)
    async with scan.writer.running():
        scan.take(begin(), PLANNED, *host(1), finished(1))
        await until(lambda: address(1) in grown.sink.text)
        scan.take(up(address(2)), found(22, address=address(2)), stopped)
    assert address(2) in grown.sink.text
    if suffix == "xml":
        assert grown.sink.text.endswith("</nmaprun>\n")
    if suffix != "csv":
        assert "1 of 2 ports not asked to the end" in grown.sink.text or suffix == "jsonl"


async def test_hosts_stand_in_the_order_in_which_they_were_found():
    grown = report()
    await Scan(grown).whole(
        begin(), PLANNED, *host(1), *host(2), *host(3), finished(3), finished(2), finished(1), end()
    )
    places = [grown.sink.text.index(f"for {address(number)}\n") for number in (1, 2, 3)]
    assert places == sorted(places)


async def test_a_host_that_takes_long_holds_up_only_so_many():
    grown = report()
    scan = Scan(grown)
    async with scan.writer.running():
        scan.take(begin(), PLANNED, *host(0))
        for number in range(1, HELD_BACK + 11):
            scan.take(*host(number), finished(number))
        await until(lambda: f"for {address(10)}\n" in grown.sink.text)
        assert f"for {address(0)}\n" not in grown.sink.text
        assert f"for {address(11)}\n" not in grown.sink.text
        scan.take(finished(0))
        await until(lambda: f"for {address(HELD_BACK + 10)}\n" in grown.sink.text)
    assert grown.sink.text.index(f"for {address(0)}\n") < grown.sink.text.index(
        f"for {address(11)}\n"
    )


async def test_hosts_that_left_the_store_are_counted():
    grown = report()
    scan = Scan(grown)
    events = [event for number in range(300) for event in (*host(number), finished(number))]
    await scan.whole(begin(), PLANNED, *events, end())
    assert not scan.store.hosts
    assert not scan.store.ports
    assert "300 IP addresses (300 hosts up) scanned" in grown.sink.text


async def test_what_comes_late_brings_no_host_back():
    scan = Scan(report())
    async with scan.writer.running():
        scan.take(begin(), PLANNED, *host(1), finished(1))
        await until(lambda: not scan.store.hosts)
        *_, verdict = host(1)
        scan.take(verdict)
        assert not scan.store.hosts


async def test_hosts_stay_where_another_report_needs_them():
    grown = report()
    scan = Scan(grown, lets_go=False)
    await scan.whole(begin(), PLANNED, *host(1), finished(1), *host(2), end())
    assert list(scan.store.hosts) == [address(1), address(2)]
    assert grown.sink.text.count("Nmap scan report") == 2


async def test_a_full_disk_is_told_once_and_the_other_reports_go_on():
    full, whole = report(sink=Lines(fails_after=200)), report("xml")
    scan = Scan(full, whole)
    async with scan.writer.running():
        for number in range(10):
            scan.take(*([begin(), PLANNED] if not number else []), *host(number), finished(number))
            await until(lambda number=number: address(number) in whole.sink.text)
        scan.take(end())
    assert scan.failed == [full]
    assert full.error == "No space left on device"
    assert len(full.sink.text) < 400
    assert whole.sink.text.endswith("</nmaprun>\n")


async def test_a_report_that_is_deleted_meanwhile_is_told(tmp_path):
    path = tmp_path / "report"
    grown = report(sink=GrowingFile(path))
    scan = Scan(grown)
    async with scan.writer.running():
        scan.take(begin(), PLANNED, *host(1), finished(1))
        await until(lambda: path.exists() and path.stat().st_size)
        path.unlink()
        scan.take(*host(2), finished(2), end())
    assert [each.error for each in scan.failed] == ["the file has been deleted"]


async def test_a_report_that_cannot_be_begun_is_told_at_once(tmp_path):
    absent, folder = tmp_path / "absent" / "report", tmp_path
    scan = Scan(report(sink=GrowingFile(absent)), report("xml", sink=GrowingFile(folder)))
    async with scan.writer.running():
        await until(lambda: len(scan.failed) == 2)
        scan.take(begin(), PLANNED, *host(1), finished(1), end())
    assert [each.error for each in scan.failed] == [
        "No such file or directory",
        "a directory; give the name of a file",
    ]


async def test_an_earlier_report_stays_until_a_host_is_finished(tmp_path):
    path = tmp_path / "report"
    path.write_text("from yesterday, and rather long\n" * 100)
    grown = report(sink=GrowingFile(path))
    scan = Scan(grown)
    async with scan.writer.running():
        scan.take(begin(), PLANNED, *host(1))
        await asyncio.sleep(0.3)
        assert path.read_text().startswith("from yesterday")
        scan.take(finished(1))
        await until(lambda: address(1) in path.read_text())
        assert "yesterday" not in path.read_text()
