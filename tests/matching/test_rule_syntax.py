"""A line that is being written is coloured, and what may come next is offered."""

from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.matching.colouring import Kind
from vscan_tui.matching.rule_syntax import Zone, completion, tokens

LINE = r"match zork m|^Zork ([\d.]+)\r\n|i p/Zork/ v/$1 x/ cpe:/a:zork:zork:$1/a"


def texts(line):
    return [(line[start:end], kind) for (start, end), kind in tokens(line)]


def offered(line, **options):
    return [option.text for option in completion(line, len(line), **options).options]


def test_every_piece_of_a_rule_is_known():
    assert texts(LINE) == [
        ("match", Zone.DIRECTIVE), ("zork", Zone.SERVICE), ("m|", Zone.DELIMITER),
        ("^", Kind.ANCHOR), ("Zork ", Kind.LITERAL), ("(", Kind.GROUP), (r"[\d.]", Kind.CLASS),
        ("+", Kind.QUANTIFIER), (")", Kind.GROUP), (r"\r", Kind.ESCAPE), (r"\n", Kind.ESCAPE),
        ("|", Zone.DELIMITER), ("i", Zone.FLAGS), ("p/", Zone.FIELD), ("Zork", Zone.TEXT),
        ("/", Zone.FIELD), ("v/", Zone.FIELD), ("$1", Zone.SUBSTITUTION), (" x", Zone.TEXT),
        ("/", Zone.FIELD), ("cpe:/", Zone.FIELD), ("a:zork:zork:", Zone.TEXT),
        ("$1", Zone.SUBSTITUTION), ("/", Zone.FIELD), ("a", Zone.STRAY),
    ]  # fmt: skip


def test_what_may_come_next_is_offered():
    assert offered("") == ["match ", "softmatch "]
    assert offered("so") == ["softmatch "]
    assert offered("match s", services=["ssh", "smtp", "http"]) == ["smtp ", "ssh "]
    assert offered("match ssh ") == ["m|^"]
    assert offered("match ssh m|^S") == []
    assert offered("match ssh m|^S| ")[:3] == ["p/", "v/", "i/"]
    assert offered("match ssh m|^S| p/x/ c") == ["cpe:/a:", "cpe:/o:", "cpe:/h:"]


def test_a_field_that_is_there_is_not_offered_again():
    assert "p/" not in offered("match ssh m|^S| p/x/ ")
    assert "cpe:/o:" in offered("match ssh m|^S| cpe:/a:x/ ")


def test_groups_are_offered_with_what_they_captured():
    found = completion("match a m|^(b)(c)?| v/$", 23, captured=["b", None])

    assert found.begin == 22
    assert [(option.text, option.help) for option in found.options][:2] == [
        ("$1", '"b"'), ("$2", "took no part"),
    ]  # fmt: skip
    assert offered("match a m|^(b)| v/$S", captured=["b"]) == ['$SUBST(1,"_",".")']
    assert offered("match a m|^(b)| v/1.", captured=["b"]) == []


@given(st.text(max_size=60) | st.text(alphabet="match softm|/$1() pvcpe:", max_size=60))
def test_anything_can_be_typed(line):
    found = tokens(line)
    edges = [edge for span, _ in found for edge in span]

    assert edges == sorted(edges)
    for column in range(len(line) + 1):
        assert 0 <= completion(line, column, captured=["a"]).begin <= column
