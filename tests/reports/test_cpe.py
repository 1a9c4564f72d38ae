"""CPE 2.2 URIs become CPE 2.3 formatted strings as NIST IR 7695 has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.reports.cpe import formatted_string


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        # The examples of NIST IR 7695, sections 6.1.3.3 and 6.2.3.
        (
            "cpe:/a:microsoft:internet_explorer:8.0.6001:beta",
            "cpe:2.3:a:microsoft:internet_explorer:8.0.6001:beta:*:*:*:*:*:*",
        ),
        (
            "cpe:/a:microsoft:internet_explorer:8.%2a:sp%3f",
            r"cpe:2.3:a:microsoft:internet_explorer:8.\*:sp\?:*:*:*:*:*:*",
        ),
        (
            "cpe:/a:microsoft:internet_explorer:8.%02:sp%01",
            "cpe:2.3:a:microsoft:internet_explorer:8.*:sp?:*:*:*:*:*:*",
        ),
        (
            "cpe:/a:hp:insight_diagnostics:7.4.0.1570::~~online~win2003~x64~",
            "cpe:2.3:a:hp:insight_diagnostics:7.4.0.1570:*:*:*:online:win2003:x64:*",
        ),
        (
            "cpe:/a:hp:openview_network_manager:7.51:-:~~~linux~~",
            "cpe:2.3:a:hp:openview_network_manager:7.51:-:*:*:*:linux:*:*",
        ),
        (
            "cpe:/a:foo~bar:big%7emoney_2010",
            r"cpe:2.3:a:foo\~bar:big\~money_2010:*:*:*:*:*:*:*:*",
        ),
        (
            "cpe:/a:foo%5cbar:big%24money_2010%07:::~~special~ipod_touch~80gb~",
            None,
        ),
        (
            "cpe:/a:foo%5cbar:big%24money_2010:::~~special~ipod_touch~80gb~",
            r"cpe:2.3:a:foo\\bar:big\$money_2010:*:*:*:*:special:ipod_touch:80gb:*",
        ),
        ("cpe:/a:foo:bar:12.%02.1234", None),
        # What rules for services write.
        ("cpe:/o:linux:linux_kernel", "cpe:2.3:o:linux:linux_kernel:*:*:*:*:*:*:*:*"),
        ("cpe:/a:x:y:", "cpe:2.3:a:x:y:*:*:*:*:*:*:*:*"),
        ("cpe:/h:Cisco:WAP", "cpe:2.3:h:cisco:wap:*:*:*:*:*:*:*:*"),
        ("cpe:/a:x:y:1|2", r"cpe:2.3:a:x:y:1\|2:*:*:*:*:*:*:*"),
        ("cpe:/a:isc:bind:9.18-1~deb12", r"cpe:2.3:a:isc:bind:9.18-1\~deb12:*:*:*:*:*:*:*"),
        ("cpe:/a:x:y:::en", "cpe:2.3:a:x:y:*:*:en:*:*:*:*:*"),
        ("cpe:/a:x:y::::en", "cpe:2.3:a:x:y:*:*:*:en:*:*:*:*"),
    ],
)
def test_a_uri_becomes_its_formatted_string(uri, expected):
    assert formatted_string(uri) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http",
        "cpe:2.3:a:x:y",
        "cpe:/q:x",
        "cpe:/a:b:c:d:e:f:g:too-many",
        "cpe:/a:x:y:1%2",
        "cpe:/a:x:y:%zz",
        "cpe:/a:x:y:1.0\x1b[31m",
        "cpe:/a:x:caf\xe9",
        "cpe:/a:x:y:1 0",
        "cpe:/a:x:y:::~too~few",
        "cpe:/a:x:" + "y" * 5000,
    ],
)
def test_what_cpe_2_3_cannot_say_has_no_formatted_string(text):
    assert formatted_string(text) is None


@given(st.lists(st.text(alphabet=st.characters(codec="latin-1"), max_size=12), max_size=8))
def test_a_formatted_string_always_has_thirteen_printable_components(components):
    text = formatted_string("cpe:/a:" + ":".join(components))
    if text is not None:
        assert text.isascii()
        assert text.isprintable()
        unescaped = text.replace("\\\\", "").replace("\\:", "")
        assert unescaped.count(":") == 12
