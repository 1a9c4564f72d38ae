"""Service fingerprints as Nmap writes them, and what becomes of them on the way."""

import html
import json
import quopri
import re
import urllib.parse

from vscan_tui.reports.fingerprint import escaped, wrapped

HTTP = (
    b'HTTP/1.1 200 OK\r\nServer: "Ginger\\Snap" (1.0)\r\nSet-Cookie: a=b; path=/\r\n\r\n'
    b"<html><body class='x'>&quot;quoted&quot; &amp; <br>x20 rn $5 [a] {b} 100% return</body>"
    b"\0\x001"
)
BINARY = bytes(range(256))
RESPONSES = (("NULL", b"220 ready\r\n"), ("GetRequest", HTTP), ("TerminalServer", BINARY))


def one_line(
    responses=RESPONSES, port: int = 8080, protocol: str = "TCP", tunnel: bool = False
) -> str:
    """The text before it is cut into lines."""
    head = f"SF-Port{port}-{protocol}:V=7.93%{'T=SSL%' if tunnel else ''}I=7%D=11/16%Time=65571A5E"
    parts = (f'%r({probe},{len(data):X},"{escaped(data)}")' for probe, data in responses)
    return f"{head}%P=x86_64-pc-linux-gnu{''.join(parts)};"


def lines(responses=RESPONSES, **choices) -> list[str]:
    return list(wrapped(one_line(responses, **choices)))


def pasted(responses=RESPONSES, **choices) -> str:
    return "\n".join(lines(responses, **choices)) + "\n"


def _rewrapped(text: str, width: int) -> str:
    return "\n".join(
        line[start : start + width]
        for line in text.splitlines()
        for start in range(0, len(line), width)
    )


def _mail(text: str) -> str:
    return (
        "> Hi,\n> what is this?\n>\n" + re.sub("^", "> ", text, flags=re.MULTILINE) + "\nThanks!\n"
    )


def _every_line(before: str, after: str, change=lambda line: line):
    return lambda text: "".join(
        f"{before}{change(line)}{after}\n" for line in text.strip().splitlines()
    )


def _nested(*changes):
    def nest(text: str) -> str:
        for change in changes:
            text = change(text)
        return text

    return nest


def _in_json(text: str) -> str:
    return json.dumps({"output": text})


HARMLESS = {
    "as it is": lambda text: text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "indented": lambda text: re.sub("^", "\t   ", text, flags=re.MULTILINE),
    "blanks at line ends": lambda text: text.replace("\n", "   \t\n"),
    "blank lines between": lambda text: text.replace("\n", "\n\n"),
    "quoted in a mail": _mail,
    "quoted twice": lambda text: re.sub("^", ">> ", text, flags=re.MULTILINE),
    "in a table": lambda text: re.sub("^", "| ", text, flags=re.MULTILINE),
    "line numbers": lambda text: "\n".join(
        f"{number:4}: {line}" for number, line in enumerate(text.splitlines(), start=1)
    ),
    "a comment in a script": lambda text: re.sub("^", "# ", text, flags=re.MULTILINE),
    "a log of another program": lambda text: re.sub("^", "[*] Nmap: ", text, flags=re.MULTILINE),
    "wrapped again at 60": lambda text: _rewrapped(text, 60),
    "wrapped again in a mail": lambda text: re.sub(
        "^", "> ", _rewrapped(text, 70), flags=re.MULTILINE
    ),
    "joined with blanks": lambda text: text.replace("\n", " "),
    "one line": lambda _: one_line(),
    "one line, wrapped": lambda _: _rewrapped(one_line(), 80),
    "HTML": lambda text: f"<pre>{html.escape(text)}</pre>",
    "HTML without quotes": lambda text: f"<p><code>{html.escape(text, quote=False)}</code></p>",
    "HTML with breaks": lambda text: html.escape(text).replace("\n", "<br />\n"),
    "HTML twice": lambda text: html.escape(html.escape(text)),
    "an XML attribute": lambda text: (
        '<service name="http" servicefp="'
        + html.escape(text.strip()).replace("\n", "&#xa;")
        + '" method="table" conf="3"/></port>'
    ),
    "an XML attribute, normalised": lambda text: (
        f'<service servicefp="{html.escape(text.strip())}" method="table"/>'.replace("\n", " ")
    ),
    "JSON": lambda text: json.dumps({"servicefp": text.strip(), "conf": '3")'}),
    "CSV": lambda text: '8080,"' + text.strip().replace('"', '""') + '",open\n',
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "typographic quotes": lambda text: re.sub(
        r'(?<!\\)"(.*?)(?<!\\)"', "\u201c\\1\u201d", text, flags=re.DOTALL
    ),
    "zero-width spaces": lambda text: text.replace(",", ",\u200b"),
    "no-break spaces": lambda text: text.replace("\n", "\u00a0\n\u00a0"),
    "a byte order mark": lambda text: "\ufeff" + text,
    "a terminal's colours": lambda text: "".join(
        f"\x1b[32m{line}\x1b[0m\n" for line in text.splitlines()
    ),
    "HTML, a tag a line": lambda text: "\n".join(
        f'<span class="line">{html.escape(line)}</span>' for line in text.splitlines()
    ),
    "HTML, a tag a line, joined": lambda text: "".join(
        f"<div>{html.escape(line)}</div>" for line in text.splitlines()
    ),
    "HTML, breaks only": lambda text: html.escape(text).replace("\n", "<br>"),
    "a table with borders": lambda text: "".join(f"| {line:<76} |\n" for line in text.splitlines()),
    "dashes in the first line": lambda text: re.sub(
        "SF-Port([0-9]+)-", "SF\u2013Port\\1\u2013", text
    ),
    "backslashes doubled": lambda text: text.replace("\\", "\\\\"),
    "Python's repr": repr,
    "a URL": urllib.parse.quote,
    "a URL twice": _nested(urllib.parse.quote, urllib.parse.quote),
    "a form": lambda text: f"port=80&text={urllib.parse.quote_plus(text)}&x=1",
    "JSON in JSON": _nested(_in_json, _in_json),
    "HTML in JSON": _nested(html.escape, _in_json),
    "a list of JSON": lambda text: json.dumps({"lines": text.splitlines()}, indent=2),
    "a log in JSON": lambda text: "".join(
        json.dumps({"log": f"{line}\n", "time": f"12:00:{second:02}"}) + "\n"
        for second, line in enumerate(text.splitlines())
    ),
    "a field of CSV a line": _every_line('7,"', '",x', lambda line: line.replace('"', '""')),
    "a list of YAML": _every_line("- '", "'", lambda line: line.replace("'", "''")),
    "Markdown's code": _every_line("`", "`"),
    "entities only": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "hexadecimal entities only": lambda text: "".join(f"&#x{ord(letter):x};" for letter in text),
    "entities for all signs": lambda text: re.sub(
        r"[^A-Za-z0-9\s]", lambda sign: f"&#{ord(sign[0])};", text
    ),
    "a long log": _every_line(f"2024-03-01T12:00:00.1Z {'host.example.' * 9} nmap[1]: F ", ""),
    "wide colons": lambda text: re.sub("^SF:", "SF\uff1a", text, flags=re.MULTILINE),
    "line ends written out": lambda text: text.strip().replace("\n", "\\n"),
    "joined": lambda text: text.replace("\n", ""),
    "a blank in the marks": lambda text: re.sub("^SF:", "SF :", text, flags=re.MULTILINE),
    "other marks": lambda text: re.sub("^SF:", "SF;", text, flags=re.MULTILINE),
    "marks in small letters": lambda text: re.sub("^SF:", "sf:", text, flags=re.MULTILINE),
    "without its last parenthesis": lambda text: text.rstrip()[:-2] + "\n",
    "in a report": lambda text: (
        "PORT STATE SERVICE\n8080/tcp open http-proxy\n1 service unrecognized despite data. "
        f'Please submit:\n{text}Service Info: OS: Linux\n\nNmap done ("quickly"); really\n'
    ),
}
"""What happens to a fingerprint without harm."""
