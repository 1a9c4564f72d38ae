"""The JSON lines keep to the schema that is told to the world."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.reports.hostile import hostile_store
from tests.reports.scans import begin, down, found, others, store_of, up
from vscan_tui.reports import jsonlines, schema
from vscan_tui.session.journal import read_events
from vscan_tui.session.store import Store

DATA = Path(__file__).resolve().parents[2] / "data"
PUBLISHED = DATA / "schema" / "report.schema.json"


@pytest.fixture(scope="module")
def validator():
    told = json.loads(PUBLISHED.read_text())
    jsonschema.Draft202012Validator.check_schema(told)
    return jsonschema.Draft202012Validator(told)


def demo_store() -> Store:
    store = Store()
    for event in read_events(DATA / "demo" / "real-servers.vscan.jsonl"):
        store.apply(event)
    return store


def test_the_published_schema_is_that_of_the_program():
    assert PUBLISHED.read_text() == schema.text(), (
        "python -m vscan_tui.reports.schema > data/schema/report.schema.json"
    )


def test_every_key_is_described():
    for name, definition in schema.schema()["$defs"].items():
        for key, told in definition.get("properties", {}).items():
            assert told.get("description"), f"{name}.{key}"


@pytest.mark.parametrize(
    "store",
    [
        demo_store(),
        hostile_store(),
        store_of(),
        store_of(begin(), up(), found(1), others((5, 90)), down("192.0.2.1")),
    ],
    ids=["the demo", "hostile", "nothing", "under way"],
)
def test_every_line_of_a_report_is_valid(validator, store):
    lines = "".join(jsonlines.render(store)).splitlines()

    assert [json.loads(lines[0])["type"], json.loads(lines[-1])["type"]] == ["scan", "done"]
    for line in lines:
        validator.validate(json.loads(line))


def test_the_schema_notices_what_is_wrong(validator):
    line = json.loads("".join(jsonlines.render(store_of())).splitlines()[0])

    for wrong in ({**line, "intensity": "seven"}, {**line, "type": "other"}, {"type": "port"}):
        assert not validator.is_valid(wrong)


def test_a_port_tells_where_its_verdict_comes_from():
    ports = [
        json.loads(line)
        for line in jsonlines.render(demo_store())
        if line.startswith('{"type":"port"')
    ]

    identified = [port for port in ports if port["outcome"] == "hard match"]
    assert identified
    for port in identified:
        assert port["verdict_from"] == "hard match"
        evidence = port["evidence"]
        assert evidence["file"]
        assert len(evidence["captured"]) == len(evidence["spans"])
    assert {port["verdict_from"] for port in ports} <= {
        "hard match", "soft match", "tcpwrapped", "port table", "nothing",
    }  # fmt: skip
