r"""CPE names: from the URI of CPE 2.2 to the formatted string of CPE 2.3.

    cpe:/a:apache:http_server:2.4.57  →  cpe:2.3:a:apache:http_server:2.4.57:*:*:*:*:*:*:*

Source: NIST IR 7695, "Common Platform Enumeration: Naming Specification 2.3",
sections 6.1.3 (unbinding a URI), 6.1.3.4 (packed editions) and 6.2.2 (binding
to a formatted string).  In one way this is more lenient: punctuation that a
URI must percent-encode, and rules for services often do not, stands for itself.
"""

import re
import string

URI_PREFIX = "cpe:/"
STRING_PREFIX = "cpe:2.3:"
LONGEST_URI = 4096
"""Characters; no real name comes near it."""

ANY = "*"
NOT_APPLICABLE = "-"

_PARTS = frozenset({"a", "h", "o", ""})
_MOST_COMPONENTS = 7
"""part, vendor, product, version, update, edition, language."""
_PACKED_FIELDS = 5
"""edition, software edition, target software, target hardware, other."""
_PLAIN = frozenset(string.ascii_lowercase + string.digits + "_.-")
_TOKEN = re.compile(r"%([0-9a-f]{2})|([^%])", re.DOTALL)
_ONE_UNKNOWN, _MANY_UNKNOWN = "01", "02"
_WILDCARDS = re.compile(r"(?:\*|\?*)([^*?]+)(?:\*|\?*)")


def formatted_string(uri: str) -> str | None:
    """Return the CPE 2.3 formatted string of a CPE 2.2 URI.

    Returns:
        None if the text is no CPE 2.2 URI, or says what CPE 2.3 cannot.
    """
    if not uri.startswith(URI_PREFIX) or len(uri) > LONGEST_URI:
        return None
    components = uri.removeprefix(URI_PREFIX).lower().split(":")
    if len(components) > _MOST_COMPONENTS or components[0] not in _PARTS:
        return None
    components += [""] * (_MOST_COMPONENTS - len(components))
    part, vendor, product, version, update, edition, language = components
    extended = _unpacked(edition)
    if extended is None:
        return None
    edition, *others = extended
    # The formatted string has the language between the editions.
    ordered = (part, vendor, product, version, update, edition, language, *others)
    values = [_value(component) for component in ordered]
    if None in values:
        return None
    return STRING_PREFIX + ":".join(value for value in values if value is not None)


def _unpacked(edition: str) -> list[str] | None:
    """Take apart `~edition~software edition~target software~target hardware~other`."""
    if not edition.startswith("~"):
        return [edition, "", "", "", ""]
    fields = edition[1:].split("~")
    return fields if len(fields) == _PACKED_FIELDS else None


def _value(component: str) -> str | None:
    """Return one component as it stands in a formatted string; None if it cannot."""
    if component == "":
        return ANY
    if component == "-":
        return NOT_APPLICABLE
    value, marked, end = "", "", 0
    for token in _TOKEN.finditer(component):
        end = token.end()
        code, literal = token.groups()
        if code in (_ONE_UNKNOWN, _MANY_UNKNOWN):
            wildcard = "?" if code == _ONE_UNKNOWN else "*"
            value += wildcard
            marked += wildcard
            continue
        character = literal if code is None else chr(int(code, 16)).lower()
        if not "!" <= character <= "~":
            return None
        value += character if character in _PLAIN else f"\\{character}"
        marked += "x"
    # A lone percent sign ends the tokens early or leaves a gap; wildcards stand at the ends only.
    if end != len(component) or "%" in _TOKEN.sub("", component):
        return None
    if ("*" in marked or "?" in marked) and not _WILDCARDS.fullmatch(marked):
        return None
    return value if value != NOT_APPLICABLE else f"\\{value}"
