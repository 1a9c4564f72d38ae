"""The command line: Nmap's words in, frozen options or one clear sentence out."""

import pathlib
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vscan_tui.options import parse_options
from vscan_tui.options.model import (
    DemoOptions,
    MatchOptions,
    OpenOptions,
    ReportFile,
    ReportFormat,
    ReverseDns,
    ScanOptions,
    UsageError,
)
from vscan_tui.scanning.discovery.timing import timing

NOT_SUPPORTED = [
    "-sS", "-sA", "-sW", "-sM", "-sN", "-sF", "-sX", "-sI", "-sO", "-sY", "-sZ", "-sL", "-sn",
    "-sC", "-b", "-PS80", "-PA", "-PU53", "-PE", "-PO", "-O", "-A", "-f", "-ff",
    "-D1.2.3.4", "-S", "-eeth0", "-g53", "-iR", "-oS", "--scanflags", "--traceroute",
    "--script", "--script=default", "--script-args", "--mtu", "--source-port", "--proxies",
    "--data-length", "--ttl", "--spoof-mac", "--badsum", "--send-eth", "--privileged",
    "--packet-trace", "--iflist", "--dns-servers", "--port-ratio",
    "--min-rate", "--append-output",
    "--append_output", "--resume", "--stylesheet", "--datadir", "--servicedb", "-script",
    "-traceroute", "-sTS", "-sVC",
]  # fmt: skip


def scan(*words: str) -> ScanOptions:
    options = parse_options([*words, "127.0.0.1"])
    assert isinstance(options, ScanOptions)
    return options


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--engine", "dask", "127.0.0.1"], "--scheduler HOST:PORT"),
        (["--scheduler", "x:1", "127.0.0.1"], "--scheduler is for --engine dask"),
        (["--engine", "dask", "--scheduler", "x:1", "--pace", "step", "x"], "--pace step"),
        (["rematch", "--engine", "dask", "--scheduler", "x:1", "--jobs", "2", "f"], "--jobs"),
        (["rematch", "--engine", "dask", "--scheduler", "x:1", "-oX", "a", "f"], "reports"),
    ],
)
def test_an_engine_that_makes_no_sense_is_refused(words, told):
    with pytest.raises(UsageError, match=told):
        parse_options(words)


def test_a_target_alone_scans_tcp_with_everything_at_its_default():
    assert parse_options(["127.0.0.1"]) == ScanOptions(targets=("127.0.0.1",))


def test_targets_may_stand_before_between_and_after_options():
    options = parse_options(["a", "-p", "80", "b", "-n", "c"])
    assert isinstance(options, ScanOptions)
    assert options.targets == ("a", "b", "c")


@pytest.mark.parametrize(
    ("words", "ports"),
    [
        (["-p", "22,80"], "22,80"),
        (["-p22,80"], "22,80"),
        (["-p", "-100"], "-100"),
        (["-p", "-"], "-"),
        (["-p-"], "-"),
        (["-p-100"], "-100"),
        (["-p", "T:1-5,U:53"], "T:1-5,U:53"),
    ],
)
def test_ports_are_taken_glued_or_apart_even_when_they_begin_with_a_dash(words, ports):
    assert scan(*words).ports == ports


@pytest.mark.parametrize(
    ("words", "protocols"),
    [
        ([], ("tcp",)),
        (["-sT"], ("tcp",)),
        (["-sU"], ("udp",)),
        (["-sT", "-sU"], ("tcp", "udp")),
        (["-sUV"], ("udp",)),
        (["-sTUV"], ("tcp", "udp")),
    ],
)
def test_scan_types_may_be_combined_in_one_word(words, protocols):
    assert scan(*words).protocols == protocols


@pytest.mark.parametrize(
    ("words", "template"),
    [([], 3), (["-T4"], 4), (["-T", "aggressive"], 4), (["-Tpolite"], 2), (["-T0"], 0)],
)
def test_timing_templates_have_numbers_and_names(words, template):
    assert scan(*words).timing.template == template


@pytest.mark.parametrize(
    ("words", "intensity"),
    [
        ([], 7),
        (["--version-light"], 2),
        (["--version_all"], 9),
        (["-version-all"], 9),
        (["--version-intensity", "0"], 0),
        (["--version-intensity=4"], 4),
    ],
)
def test_intensity_has_nmaps_default_and_short_cuts(words, intensity):
    assert scan(*words).intensity == intensity


def test_reports_keep_their_order_and_oa_names_all_formats():
    options = scan("-oX", "-", "-oA", "base", "-oN", "log")
    assert options.output.reports == (
        ReportFile(ReportFormat.XML, "-"),
        ReportFile(ReportFormat.NORMAL, "base.nmap"),
        ReportFile(ReportFormat.XML, "base.xml"),
        ReportFile(ReportFormat.GREPABLE, "base.gnmap"),
        ReportFile(ReportFormat.JSON_LINES, "base.jsonl"),
        ReportFile(ReportFormat.NORMAL, "log"),
    )
    assert options.output.on_standard_output == ReportFile(ReportFormat.XML, "-")


@pytest.mark.parametrize(("words", "level"), [(["-v"], 1), (["-vv"], 2), (["-v3", "-v"], 4)])
def test_verbosity_counts(words, level):
    assert scan(*words).output.verbosity == level


def test_the_pace_is_eager_unless_another_is_chosen():
    assert scan().pace == "eager"
    assert scan("--pace", "polite").pace == "polite"


def test_every_other_scan_option_finds_its_place():
    options = scan(
        *("-iL", "hosts", "--exclude", "a,b", "--excludefile", "not", "--exclude-ports", "9100"),
        *("-6", "-R", "-Pn", "--top-ports", "10", "--host-timeout", "5m", "--allports"),
        *("--version-trace", "--versiondb", "one", "--versiondb", "two", "--strict", "--open"),
        *("--reason", "-d", "--headless", "--pace", "eager", "--journal-dir", "j"),
        *("--min-parallelism", "2", "--max-parallelism", "9", "-sV"),
        *("--min-wait", "250ms", "--max-wait", "2s", "--max-rate", "0.5"),
    )
    assert options.target_files == ("hosts",)
    assert options.exclude == ("a,b",)
    assert options.exclude_files == ("not",)
    assert options.exclude_ports == "9100"
    assert options.ipv6
    assert options.assume_up
    assert options.reverse_dns is ReverseDns.ALWAYS
    assert options.top_ports == 10
    assert options.host_timeout == 300.0
    assert options.all_ports
    assert options.version_trace
    assert options.strict
    assert options.databases == ("one", "two")
    assert options.journal_folder == "j"
    assert options.timing == timing(3, min_parallelism=2, max_parallelism=9)
    assert options.max_parallelism == 9
    assert (options.min_wait, options.max_wait, options.max_rate) == (0.25, 2.0, 0.5)
    assert options.output.only_open
    assert options.output.show_reasons
    assert options.output.headless
    assert options.output.debugging == 1


def test_fast_means_the_hundred_most_common_ports():
    assert scan("-F").top_ports == 100


def test_targets_may_come_from_a_file_alone():
    options = parse_options(["-iL", "-"])
    assert isinstance(options, ScanOptions)
    assert options.target_files == ("-",)


def test_the_other_commands_are_chosen_by_the_first_word():
    assert parse_options(["demo"]) == DemoOptions()
    assert parse_options(["open", "x.jsonl"]) == OpenOptions("x.jsonl")
    assert parse_options(["match"]) == MatchOptions()
    assert parse_options(
        ["match", "--probe", "GetRequest", "--protocol", "udp", "--jsonl", "--versiondb", "d", "f"]
    ) == MatchOptions("f", "GetRequest", "udp", ("d",), jsonl=True)


def test_a_host_named_like_a_command_is_scanned_after_two_dashes():
    assert parse_options(["--", "demo"]) == ScanOptions(targets=("demo",))


@pytest.mark.parametrize(
    "word",
    NOT_SUPPORTED,
)
def test_an_option_of_nmap_that_vscan_lacks_is_refused_by_name(word):
    with pytest.raises(UsageError, match=r"^--?[\w-]+ \(.+\) is not supported: .+\.$"):
        scan(word)


def test_all_options_that_vscan_lacks_are_told_at_once():
    with pytest.raises(UsageError) as caught:
        scan("-sSVC", "-O", "--script", "default", "--script=x", "-T4")
    named = [sentence.split()[0] for sentence in str(caught.value).splitlines()]
    assert named == ["-sS", "-sC", "-O", "--script"]


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        (["-P0"], ["-Pn"]),
        (["-PN"], ["-Pn"]),
        (["--noninteractive"], ["--headless"]),
        (["--verbose", "--debug"], ["-v", "-d"]),
        (["-4", "-sR", "--unprivileged", "--unique", "--system-dns", "--no_stylesheet"], []),
        (["-sTR", "--log-errors", "--disable-arp-ping"], ["-sT"]),
    ],
)
def test_options_that_are_always_so_or_have_another_name_here_are_accepted(words, plain):
    assert scan(*words) == scan(*plain)


def test_how_port_discovery_waits_and_asks_again_can_be_chosen_apart_from_the_template():
    chosen = scan(
        "-T4", "--max-retries", "1", "--scan-delay", "20ms", "--max-hostgroup", "2"
    ).timing
    assert (chosen.template, chosen.retries, chosen.scan_delay) == (4, 1, 0.02)
    assert chosen.parallel_hosts == 2
    assert scan("--min-hostgroup", "100").timing.parallel_hosts == 100


@pytest.mark.parametrize(
    ("words", "timeouts"),
    [
        (["--max-rtt-timeout", "50ms"], (0.05, 0.05, 0.05)),
        (["--min-rtt-timeout", "2s"], (2.0, 2.0, 10.0)),
        (["--initial-rtt-timeout", "300ms"], (0.1, 0.3, 10.0)),
        (["--min-rtt-timeout", "20s"], (20.0, 20.0, 20.0)),
    ],
)
def test_a_bound_on_the_wait_for_an_answer_moves_the_others(words, timeouts):
    chosen = scan(*words).timing
    assert (chosen.min_timeout, chosen.initial_timeout, chosen.max_timeout) == timeouts


def test_the_refusal_of_a_syn_scan_says_what_to_do_instead():
    with pytest.raises(UsageError, match=r"^-sS \(SYN scan\) is not supported: .*-sT"):
        scan("-sSV")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "No target"),
        (["-F", "-p", "80", "h"], "-p and -F contradict"),
        (["-F", "--top-ports", "5", "h"], "-F and --top-ports contradict"),
        (["--version-light", "--version-all", "h"], "--version-light and --version-all contra"),
        (["--version-light", "--version-intensity", "3", "h"], "contradict"),
        (["-n", "-R", "h"], "-n and -R contradict"),
        (["--no-journal", "--journal-dir", "j", "h"], "contradict"),
        (["--version-intensity", "10", "h"], "from 0 to 9"),
        (["--version-intensity", "x", "h"], "from 0 to 9"),
        (["--top-ports", "0", "h"], "from 1 to 65536"),
        (["--max-parallelism", "0", "h"], "from 1"),
        (["--min-parallelism", "5", "--max-parallelism", "4", "h"], "is more than"),
        (["--host-timeout", "5x", "h"], "30s"),
        (["--min-rtt-timeout", "2", "--max-rtt-timeout", "1", "h"], "is more than"),
        (["--min-hostgroup", "5", "--max-hostgroup", "4", "h"], "is more than"),
        (["--max-retries", "51", "h"], "from 0 to 50"),
        (["--pace", "eager", "--min-wait", "2s", "--max-wait", "1s", "h"], "is more than"),
        (["--pace", "polite", "--max-wait", "1s", "h"], "for pace eager"),
        (["--max-rate", "0", "h"], "how many a second"),
        (["--max-rate", "many", "h"], "how many a second"),
        (["-T6", "h"], "paranoid"),
        (["-oX", "-", "-oN", "-", "h"], "Only one report can be written to standard output"),
        (["-oX", "f", "-oN", "f", "h"], 'cannot both be written to "f"'),
        (["-oA", "-", "h"], "-oA needs a file name"),
        (["-oX-", "h"], "-oX -"),
        (["-oX"], "-oX needs a value"),
        (["-oX", "", "h"], "-oX needs a value"),
        (["-p"], "-p needs a value"),
        (["-P", "h"], "-P is incomplete"),
        (["-s", "h"], "-s is incomplete"),
        (["--open=3", "h"], "--open takes no value"),
        (["--heedless", "h"], "did you mean --headless"),
        (["--frobnicate", "h"], "vscan --help"),
        (["open"], "needs one file"),
        (["open", "a", "b"], "needs one file"),
        (["match", "a", "b"], "reads one file"),
    ],
)
def test_wrong_usage_is_told_in_one_sentence(words, sentence):
    with pytest.raises(UsageError) as caught:
        parse_options(words)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["demo", "--help"], ["match", "-h"]])
def test_help_is_grouped_and_ends_the_program_well(words, capsys):
    with pytest.raises(SystemExit) as caught:
        parse_options(words)
    assert caught.value.code == 0
    assert "Miscellaneous:" in capsys.readouterr().out


def test_help_names_every_option_of_a_scan_once(capsys):
    with pytest.raises(SystemExit):
        parse_options(["--help"])
    text = capsys.readouterr().out
    for option in ("-iL", "--excludefile", "-sU", "--top-ports", "-Pn", "-oA", "--journal-dir"):
        assert text.count(f"  {option} ") == 1, option


def test_the_version_is_shown(capsys):
    with pytest.raises(SystemExit):
        parse_options(["--version"])
    assert capsys.readouterr().out.startswith("vscan ")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=8).filter(lambda word: word not in {"-h", "-V"}), max_size=5))
def test_any_words_give_options_or_a_sentence(words):
    try:
        parse_options(words)
    except (UsageError, SystemExit) as ending:
        outcome = ending
    else:
        outcome = None
    assert outcome is None or str(outcome)


def test_reading_options_loads_no_screen():
    code = (
        "import sys; from vscan_tui.options import parse_options; parse_options(['h']);"
        "print([name for name in ('textual', 'rich', 'asyncio') if name in sys.modules])"
    )
    root = pathlib.Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "[]"
