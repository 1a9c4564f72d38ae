"""The user's settings: what is right holds, what is wrong is told with its line."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.commands.config import commented_default
from vscan_tui.configuration import Configuration, load_configuration, parse_configuration
from vscan_tui.tui.keymap import COMMAND_IDS, COMMANDS, faults, usable

KNOWN = frozenset({"scan.pause", "move.first", "find.filter"})


def read(text):
    return parse_configuration(text, "config.toml", KNOWN)


def test_without_a_file_everything_is_at_its_default(tmp_path):
    assert load_configuration(tmp_path / "config.toml", KNOWN) == Configuration()


def test_settings_and_keys_are_read_however_toml_nests_them():
    settings = read(
        '[screen]\ntheme = "vscan-light"\nmask = true\nleave_table = true\n'
        '[keys]\nscan.pause = "f2, p"\n"move.first" = "home"\n'
    )
    assert settings == Configuration(
        {"scan.pause": "f2,p", "move.first": "home"},
        "vscan-light",
        mask=True,
        leave_table=True,
    )


QUOTED = 'are names in quotes, such as "s" or "f2,s"'


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('keys.scan.pouse = "p"', 'there is no command "scan.pouse"; did you mean scan.pause?'),
        ("keys.scan.pause = 3", f"the keys of scan.pause {QUOTED}"),
        ('keys.scan.pause = "a,,b"', f"the keys of scan.pause {QUOTED}"),
        ('screen.mask = "yes"', "mask is true or false, without quotes"),
        ("screen.colour = 1", 'there is no setting "colour"'),
        ("colours.a = 1", "there is no section [colours]; screen and keys are known"),
        ("keys = 1", "keys is a section: write [keys] on a line of its own"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_rest_holds(line, problem):
    settings = read(f'# mask, colour\nscreen.theme = "x"\n{line}\n')
    assert settings.theme == "x"
    assert settings.problems == (f"config.toml:3: {problem}",)


def test_what_is_no_toml_is_told_with_its_line():
    (problem,) = read("[keys]\nscan.pause p\n").problems
    assert problem.startswith("config.toml: not read, because it is no TOML:")
    assert "line 2" in problem


def test_a_file_that_is_no_text_is_told(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe\x00")
    (problem,) = load_configuration(path, KNOWN).problems
    assert problem == f"{path}: not read, because it is not UTF-8"


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes(b"#" * 2_000_000)
    assert "larger than" in load_configuration(path, KNOWN).problems[0]


@given(st.text(max_size=200))
def test_any_text_gives_settings_or_problems(text):
    parse_configuration(text, "config.toml", KNOWN)


def test_the_written_default_changes_nothing_until_it_is_edited():
    settings = parse_configuration(commented_default(), "config.toml", COMMAND_IDS)
    assert settings == Configuration()


def test_the_written_default_has_every_command_with_its_keys():
    lines = commented_default().splitlines()
    keys = [
        line.removeprefix("# ") for line in lines if line.partition(" = ")[0][2:] in COMMAND_IDS
    ]
    table = parse_configuration("[keys]\n" + "\n".join(keys), "config.toml", COMMAND_IDS)
    assert table.problems == ()
    assert table.keys == {command.id: command.keys for command in COMMANDS if command.keys}
    assert tomllib.loads("\n".join(keys))


def test_the_default_keys_have_no_fault():
    assert faults({}) == []


def test_a_key_given_twice_is_told_with_both_commands():
    assert faults({"scan.pause": "z"}) == [
        ("scan.pause", 'the key "z" is that of scan.pause and of panes.zoom')
    ]


@pytest.mark.parametrize("key", ["f2", "ctrl+s", "é", "#", "question_mark", "shift+f3", "space"])
def test_keys_have_the_names_that_textual_gives_them(key):
    assert faults({"scan.pause": key}) == []


@pytest.mark.parametrize("key", ["spase", "control+s", "ctrl+", "f99"])
def test_a_key_that_does_not_exist_is_told(key):
    assert faults({"scan.pause": key}) == [("scan.pause", f'there is no key named "{key}"')]
    assert usable({"scan.pause": key}) == {}
    assert usable({"scan.pause": f"f2,{key}"}) == {"scan.pause": "f2"}


def test_what_is_wrong_with_keys_is_told_with_its_line_in_the_order_of_the_file():
    settings = read('[keys]\nscan.pause = "f99"\nfind.filter = "s"\nmove.furst = "g"\n')
    assert settings.told(faults(settings.keys)) == [
        'config.toml:2: there is no key named "f99"',
        'config.toml:3: the key "s" is that of find.filter and of by_hand.step',
        'config.toml:4: there is no command "move.furst"; did you mean move.first?',
    ]
