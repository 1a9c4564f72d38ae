"""Version fields are filled as Nmap fills them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.events import Fields
from vscan_tui.probedb.templates import fill, fill_all, fill_cpe, merged, pieces

GROUPS = (b"whole", b"2.4_7", b"\x01A\x02B\xff", b"\x01\x00", None, b"", b"Foo Bar/1")


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain", "plain"),
        ("v$1.", "v2.4_7."),
        ("$1$1", "2.4_72.4_7"),
        ("$P(2)", "AB"),
        ("$2", "\x01A\x02B\xff"),
        ('$SUBST(1,"_",".")', "2.4.7"),
        ('$SUBST(1, "4" , "")', "2._7"),
        ('$SUBST(1,"","x")', ""),
        ('$I(3,">")', "256"),
        ('$I(3,"<")', "1"),
        ('$I(5,">")', "0"),
        ('$I(1,"=")', ""),
        ("$4", ""),
        ("a $4 b", ""),
        ("$9", ""),
        ("$0", ""),
        ("cost $", ""),
        ("$FOO(1)", ""),
        ("$5", ""),
        ("x$5y", "xy"),
        ("trailing , \t,", "trailing"),
        (" leading", " leading"),
        ("", ""),
    ],
)
def test_a_field(template, value):
    assert fill(template, GROUPS) == value


def test_an_integer_has_at_most_eight_bytes():
    assert fill('$I(1,">")', (b"", b"\xff" * 8)) == str(2**64 - 1)
    assert fill('$I(1,">")', (b"", b"\xff" * 9)) == ""


def test_what_a_group_gives_ends_at_a_zero_byte_as_a_c_string_does():
    assert fill("$1 x", (b"", b"ab\0cd")) == "ab x"
    assert fill("$P(1) x", (b"", b"ab\0cd")) == "abcd x"
    assert fill('$SUBST(1,"b","B") x', (b"", b"ab\0bd")) == "aB x"
    assert fill_cpe("a:$1:x", (b"", b"ab\0cd")) == "cpe:/a:ab:x"


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("$P( 1 )", "a.b"),
        ("$P(+01)", "a.b"),
        ('$I( 2 , ">" )', "258"),
        ('$SUBST( 1 , "." , "_" )', "a_b"),
        (r'$SUBST(3,"\"","Q")', "QqQ"),
        (r'$SUBST(4,"\\","/")', "c:/d"),
        (r'$SUBST(1,".","\x2d")', "a-b"),
        (r'$SUBST(1,"\q","-")', ""),
        (r'$SUBST(1,"a\","-")', ""),
        ('$SUBST(1,"","-")', ""),
    ],
)
def test_how_arguments_of_helpers_are_written(template, value):
    assert fill(template, (b"", b"a.b", b"\x01\x02", b'"q"', b"c:\\d")) == value


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("a:own:server:$1", "cpe:/a:own:server:2.4_7"),
        ("a:own:$6", "cpe:/a:own:foo_bar%2f1"),
        ("a:own:$4", ""),
        ("A:Own:x", "cpe:/A:Own:x"),
    ],
)
def test_a_cpe(template, value):
    assert fill_cpe(template, GROUPS).replace("%2F", "%2f") == value


def test_a_cpe_percent_encodes_what_would_change_its_meaning():
    reserved = b""":/?#[]@!$&'()*+,;=%<>\""""

    encoded = fill_cpe("a:$1", (b"", reserved)).removeprefix("cpe:/a:")

    assert encoded == "".join(f"%{byte:02X}" for byte in reserved)


def test_one_cpe_is_kept_for_each_part_in_the_order_of_print():
    fields = fill_all(
        [("cpe", "o:a"), ("cpe", "h:b"), ("cpe", "a:c"), ("cpe", "a:d"), ("cpe", "x:e")], (b"",)
    )

    assert fields.cpes == ("cpe:/a:d", "cpe:/h:b", "cpe:/o:a")


def test_an_unset_group_empties_its_field_and_no_other():
    assert fill_all([("p", "Own"), ("v", "$4")], GROUPS) == Fields(product="Own")


def test_later_fields_win_and_earlier_ones_fill_the_gaps():
    earlier = Fields(product="Old", info="i", cpes=("cpe:/a:old", "cpe:/o:old"))
    later = Fields(product="New", cpes=("cpe:/a:new",))

    assert merged(earlier, later) == Fields(
        product="New", info="i", cpes=("cpe:/a:new", "cpe:/o:old")
    )


TEMPLATES = st.text(alphabet='$P(1)SUBST,"_.<>I9ab é', max_size=30)


@given(TEMPLATES, st.lists(st.none() | st.binary(max_size=12), min_size=1, max_size=5))
def test_filling_never_raises_and_pieces_hold_the_whole_template(template, groups):
    fill(template, groups)
    fill_cpe(template, groups)

    assert "".join(piece.text for piece in pieces(template)) == template


def test_of_a_part_the_last_cpe_counts_also_if_it_cannot_be_filled():
    templates = (("cpe", "a:v:$1"), ("cpe", "o:v:s"), ("cpe", "a:v:$5"))

    assert fill_all(templates, (b"", b"x")).cpes == ("cpe:/o:v:s",)
