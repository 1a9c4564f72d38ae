"""CSV, Markdown and HTML: what people and their programs read, and nothing that acts."""

import csv
import re
from html.parser import HTMLParser
from io import StringIO

from tests.reports.hostile import PAYLOADS, hostile_store
from tests.reports.scans import (
    ADDRESS,
    answered,
    begin,
    down,
    end,
    exchange,
    finished,
    found,
    others,
    store_of,
    up,
)
from vscan_tui.events import Endpoint, Fields, Match, Method, Outcome, Service
from vscan_tui.reports import csv as csv_report
from vscan_tui.reports import html, markdown
from vscan_tui.reports.options import ReportOptions

FIELDS = Fields("nginx", "1.22.1", cpes=("cpe:/a:igor_sysoev:nginx:1.22.1",))
RULE = Match(
    "own", "web.probes", 33, "GetRequest", "http", False, rb"nginx/([\d.]+)", "", (("v", "$1"),),
    ((8, 20), (14, 20)), 5, FIELDS,
)  # fmt: skip


def plain_store():
    web = Endpoint(ADDRESS, "tcp", 80)
    return store_of(
        begin(),
        up(name="web.example"),
        found(80),
        *exchange(web, 1, "GetRequest", b"Server: nginx/1.22.1\r\n" * 100, match=RULE),
        finished(80, Outcome.HARD_MATCH, Service("http", FIELDS, "ssl", Method.PROBED, 10)),
        *answered(81, ("NULL", b"who am I?")),
        others((1, 70)),
        down("192.0.2.99"),
        end(),
    )


def rows(store, **options):
    lines = "".join(csv_report.render(store, ReportOptions(**options)))
    return list(csv.DictReader(StringIO(lines, newline=""), strict=True))


# CSV ---------------------------------------------------------------------------------------------


def test_csv_has_a_row_for_each_listed_port():
    first, second = rows(plain_store())

    assert (first["address"], first["name"], first["port"]) == (ADDRESS, "web.example", "80")
    assert (first["service"], first["tunnel"], first["product"]) == ("http", "ssl", "nginx")
    assert first["cpe23"] == "cpe:2.3:a:igor_sysoev:nginx:1.22.1:*:*:*:*:*:*:*"
    assert (first["rule"], first["probe"]) == ("web.probes:33", "GetRequest")
    assert (second["port"], second["outcome"], second["rule"]) == ("81", "no match", "")
    assert float(second["seconds"]) == 1.0


def test_no_cell_of_csv_begins_a_formula():
    for row in rows(hostile_store()):
        for cell in row.values():
            assert not re.match(r"[ ]*[=+\-@\t\r\n|%]", cell), cell


def test_csv_is_ascii_without_control_characters():
    text = "".join(csv_report.render(hostile_store()))

    assert text.isascii()
    assert text.replace("\r\n", "").isprintable()
    assert len(rows(hostile_store())) == len(PAYLOADS) + 1


# Markdown ----------------------------------------------------------------------------------------


def test_markdown_has_a_table_for_each_host():
    text = "".join(markdown.render(plain_store()))

    assert "## `web.example (127.0.0.1)`\n" in text
    assert "| 80/tcp | open | `ssl/http` | `nginx 1.22.1` | `web.probes:33` |\n" in text
    assert "Not shown: 70 closed tcp ports (conn-refused).\n" in text
    assert "Fingerprint of 81/tcp:\n\n    SF-Port81-TCP:" in text


def test_in_markdown_everything_that_a_service_says_is_code():
    lines = "".join(markdown.render(hostile_store())).splitlines()

    tables = [line for line in lines if line.startswith("| ") and "/tcp" in line[:12]]
    assert len(tables) == len(PAYLOADS) + 1
    for line in lines:
        assert line.isprintable()
        if line.startswith("    "):
            continue
        bare = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", line.replace("\\|", ""))
        assert "<" not in bare
        assert "[" not in bare
        assert "@" not in bare
        assert "evil" not in bare
    for line in tables:
        assert len(re.findall(r"(?<!\\)\|", line)) == 6, line


# HTML --------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Collects elements and text, and insists on balanced tags."""

    EMPTY = frozenset({"meta", "br"})

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open = []
        self.elements = []
        self.attributes = []
        self.said = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        self.attributes += attributes
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said += data


def test_html_tells_services_rules_timings_and_marks_what_was_captured():
    text = "".join(html.render(plain_store()))
    page = Page(text)

    assert "nginx 1.22.1" in page.said
    assert "web.probes:33 (database own)" in page.said
    assert "cpe:2.3:a:igor_sysoev:nginx:1.22.1" in page.said
    assert "250.0 ms" in page.said
    assert "<mark>31 2e</mark>  " in text  # the rest of 1.22.1 stands on the next line
    assert "<mark>32 32 2e 31</mark> 0d" in text
    assert "1176 more bytes" in page.said
    assert "SF-Port81-TCP:" in page.said


def test_html_is_one_file_without_scripts_that_loads_nothing():
    page = Page("".join(html.render(hostile_store())))

    assert {"script", "img", "iframe", "link", "object", "form", "a"}.isdisjoint(page.elements)
    assert {name for name, _ in page.attributes} <= {
        "lang", "charset", "http-equiv", "content", "name", "class",
    }  # fmt: skip
    assert any("default-src 'none'" in (value or "") for _, value in page.attributes)


def test_html_shows_what_services_say_as_text():
    text = "".join(html.render(hostile_store()))

    assert "<script>alert(1)</script>" in Page(text).said
    assert text.replace("\n", "").isprintable()


def test_html_knows_light_and_dark_and_paper():
    text = "".join(html.render(plain_store()))

    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_a_scan_of_nothing_has_documents_too():
    for render in (csv_report.render, markdown.render, html.render):
        assert "".join(render(store_of()))
        assert "".join(render(store_of(begin(), down("192.0.2.1")), ReportOptions(verbosity=1)))
