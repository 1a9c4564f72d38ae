"""Regexes made at random, with a text that each was made to match, for the property tests."""

from hypothesis import strategies as st

from vscan_tui.events import DatabaseIdentity
from vscan_tui.matching.pattern import check
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.model import ProbeDatabase, Rule
from vscan_tui.probedb.parser import parse


def database(text, name="own"):
    """A database from its text, which must be without fault."""
    parsed = parse(text.encode("latin-1"), name, check_pattern=check)
    assert parsed.faults == (), parsed.faults
    return ProbeDatabase(DatabaseIdentity(name, name, 0, 0, ""), parsed.probes, parsed.exclusions)


def databases(*texts):
    """Databases named a, b, … that act as one."""
    named = zip("abcdef", texts, strict=False)
    return ProbeDatabases(tuple(database(text, name) for name, text in named))


def rule(pattern, flags="", service="own", line=1):
    """A rule with nothing but a regex."""
    return Rule(service, soft=False, pattern=pattern, flags=flags, templates=(), file="", line=line)


WORDS = ["HTTP/1.1 ", "Server: ", "ssh", "OK", "\\r\\n", "220 ", "a", "ab", "x-", "FTP", "\\0", ":"]
ATOMS = [
    ("\\d", "7"), ("\\w", "k"), (".", "."), ("[a-c]", "b"), ("[^x]", "y"), ("\\s", " "),
    ("\\x41", "A"), ("\\x{42}", "B"), ("\\.", "."), ("[[:alpha:]]", "q"), ("\\Qa+b\\E", "a+b"),
    ("(?#note)", ""), ("\\b", ""), ("[.]", "."), ("\\S", "s"), ("[\\]]", "]"), ("\\012", "\n"),
    ("\\x0", "\0"), ("[\\x00-\\xff]", "\xe9"), ("{", "{"), ("a{,2}", "a"), ("[\\d-]", "-"),
]  # fmt: skip
QUANTIFIERS = [("", 1), ("?", 0), ("?", 1), ("*", 2), ("+", 2), ("+?", 1), ("{2}", 2), ("{1,3}", 3),
               ("*?", 0), ("{0}", 0), ("{ 1, 2 }", 1)]  # fmt: skip


def plain(word):
    return word.replace("\\r", "\r").replace("\\n", "\n").replace("\\0", "\0")


leaf = st.sampled_from([(word, plain(word)) for word in WORDS]) | st.sampled_from(ATOMS)


def repeated(part, quantifier):
    (regex, text), (mark, times) = part, quantifier
    return f"(?:{regex}){mark}", text * times


def joined(parts):
    return "".join(regex for regex, _ in parts), "".join(text for _, text in parts)


def chosen(parts, which, opening):
    regexes = "|".join(regex for regex, _ in parts)
    return f"{opening}{regexes})", parts[which % len(parts)][1]


def extend(part):
    parts = st.lists(part, min_size=1, max_size=4)
    openings = st.sampled_from(["(", "(?:", "(?>", "(?i:", "(?<name>"])
    return (
        parts.map(joined)
        | st.builds(repeated, part, st.sampled_from(QUANTIFIERS))
        | st.builds(chosen, parts, st.integers(0, 3), openings)
        | part.map(lambda found: (f"(?={found[0]}){found[0]}", found[1]))
        | part.map(lambda found: (f"(?!zzz){found[0]}", found[1]))
    )


BODIES = st.recursive(leaf, extend, max_leaves=12)
CASES = st.builds(
    lambda body, begin, end, flags, before, after: (
        (begin + body[0] + end).encode("latin-1"),
        flags,
        (("" if begin else before) + body[1] + ("" if end else after)).encode("latin-1"),
    ),
    BODIES,
    st.sampled_from(["", "^", "^", "\\A", "(?i)", "(?s)^"]),
    st.sampled_from(["", "", "$", "\\r\\n|^other"]),
    st.sampled_from(["", "i", "s", "is"]),
    st.text(alphabet="aAb \n\0HTP", max_size=5),
    st.text(alphabet="aAb \n\0HTP", max_size=5),
)
"""(regex, flags, a response that is likely to match)"""
