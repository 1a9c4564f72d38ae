"""The JSON Schema of the JSON lines, made of the very structures that they are written from.

`python -m vscan_tui.reports.schema` prints it; `data/schema/report.schema.json` is a
copy, which a test holds to this.
"""

import json
import sys

import msgspec

from vscan_tui.reports.jsonlines import FORMAT, Line

_DESCRIPTIONS = {
    "ScanLine": {
        "type": "The first line tells of the scan as a whole.",
        "format": "Version of this format; it grows when a key changes its meaning or goes.",
        "program": "Name and version of the program that scanned.",
        "arguments": "The words of the command line.",
        "started": "When the scan began; seconds since the Unix epoch, like all times here.",
        "pace": "polite, eager or step; empty for what another program recorded.",
        "intensity": "0 (few probes) to 9 (all).",
        "databases": "The probe databases, the first one tried first.",
    },
    "DatabaseIdentity": {
        "name": "What the database is called.",
        "path": "Where it was read.",
        "rules": "How many match and softmatch lines it has.",
        "probes": "How many probes it has.",
        "sha256": "Of its files, in hexadecimal.",
    },
    "HostLine": {
        "type": "One line for each host, before those of its ports.",
        "address": "IPv4, or IPv6 with its scope if it has one.",
        "name": "As the user gave it; empty if that was an address.",
        "reverse_name": "By reverse DNS; empty if there is none.",
        "state": "up or down.",
        "reason": "Why it is said to be so.",
        "latency": "Seconds that it takes to answer; null if that was not measured.",
        "other_addresses": "Addresses that the name has too, and that were not scanned.",
        "first": "When the host was first heard of.",
        "last": "When it was last heard of.",
        "ports": "How many port lines follow.",
        "summed": "Ports that have no line of their own.",
    },
    "SummedPorts": {
        "protocol": "tcp or udp.",
        "state": "The state that all of them are in.",
        "reason": "Why they are said to be so.",
        "count": "How many they are.",
        "ranges": "First and last port of each range, both included.",
    },
    "PortLine": {
        "type": "One line for each port that is not summed up.",
        "address": "Of the host.",
        "protocol": "tcp or udp.",
        "port": "0 to 65535.",
        "state": "What the port scan says of it.",
        "reason": "Why it says so.",
        "latency": "Seconds that the port scan waited for the answer; null if not measured.",
        "stage": "How far the interrogation has come.",
        "outcome": "How the interrogation ended; null while it lasts, or if there was none.",
        "verdict_from": "What the service was learnt from: hard match, soft match, tcpwrapped "
        "(closed at once), port table (only a guess by number), or nothing.",
        "service": "Name of the service; empty if unknown.",
        "product": "Version fields of the rule, filled from the response; empty if absent.",
        "version": "As product.",
        "info": "As product.",
        "hostname": "As product.",
        "ostype": "As product.",
        "devicetype": "As product.",
        "tunnel": "ssl if the service is spoken inside TLS.",
        "method": "probed, or table for the port table's name.",
        "confidence": "10 for a match, 8 for tcpwrapped, 3 for the port table.",
        "cpes": "CPE 2.2 URIs, at most one each of application, hardware, operating system.",
        "cpe23": "The same as CPE 2.3 formatted strings; null for one that has none.",
        "fingerprint": "Nmap's SF text in one line, for a service that no rule knows; or empty.",
        "started": "When the interrogation began; null if there was none.",
        "finished": "When it ended; null while it lasts.",
        "warnings": "What the user should know, in sentences.",
        "mark": "The user's: to do, done, or empty.",
        "note": "The user's.",
        "tls": "What the TLS handshake told; null without one.",
        "tls_findings": "What a look at the TLS of the service told; null without one.",
        "evidence": "The rule that explains the verdict; null if none does.",
        "exchanges": "Every probe and its response, in order.",
    },
    "TlsDetails": {
        "version": "Such as TLSv1.3.",
        "cipher": "As OpenSSL calls it.",
        "alpn": "Protocol chosen by ALPN.",
        "certificate": "The server's, DER, in base64.",
        "resumed": "Whether an earlier TLS session was taken up.",
    },
    "TlsFindings": {
        "names": "Host names in the certificate.",
        "subject": "Distinguished name (RFC 4514).",
        "issuer": "Distinguished name (RFC 4514).",
        "not_before": "ISO 8601, UTC.",
        "not_after": "ISO 8601, UTC.",
        "versions": "The versions spoken, oldest first.",
        "alpn": "Protocol chosen by ALPN.",
    },
    "Evidence": {
        "probe": "The probe that was sent.",
        "exchange": "Number of the exchange.",
        "rule_probe": "The probe that holds the rule; another one after a fallback.",
        "database": "The database that holds the rule.",
        "file": "The file that holds the rule.",
        "line": "Its line, counted from 1.",
        "service": "The service that the rule names.",
        "soft": "Whether it is a softmatch.",
        "pattern": "The regular expression (PCRE2), in base64.",
        "flags": "i: caseless; s: the dot matches line ends.",
        "spans": "Bytes of the response, start and end (not included): the whole match, then each "
        "group; null for a group that took no part.",
        "captured": "What these spans hold, in base64.",
        "length": "Bytes of the response that were there when the rule fired.",
        "tried": "Rules that were tried before it.",
    },
    "ExchangeRecord": {
        "number": "Counted from 1 for each port.",
        "connection": "Number of the connection, counted from 1 for each port.",
        "probe": "Its name; NULL sends nothing and listens.",
        "tunnel": "ssl inside TLS.",
        "reason": "Why it was sent.",
        "payload": "What was sent, in base64.",
        "response": "What was received, in base64.",
        "carried": "Bytes of the response that an earlier exchange on the connection received.",
        "started": "When the probe was sent.",
        "seconds": "From then to the end; null while it lasts.",
        "first_byte": "Seconds to the first byte; null if none came.",
        "ending": "How it ended; null while it lasts.",
        "tried": "Rules that were tried on the whole response.",
        "by_hand": "Whether the user chose or wrote what was sent.",
    },
    "DoneLine": {
        "type": "The last line.",
        "ending": "How the scan ended; null if it had not when this was written.",
        "reason": "Why, unless it is done.",
        "ended": "When.",
        "elapsed": "Seconds.",
        "hosts_up": "How many hosts answered.",
        "hosts_total": "How many were looked for.",
        "ports": "How many ports were found that may have a service.",
        "outcomes": "How many interrogations ended in each way.",
        "warnings": "Those of the whole scan, and of ports.",
    },
    "WarningRecord": {
        "time": "When.",
        "message": "A sentence.",
        "endpoint": "address:port/protocol, or null for the whole scan.",
    },
}
"""What each key means."""


def schema() -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of one line of a report."""
    made = msgspec.json.schema(Line)
    for name, descriptions in _DESCRIPTIONS.items():
        properties = made["$defs"][name]["properties"]
        for key, description in descriptions.items():
            properties[key] = {**properties[key], "description": description}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A line of a vscan report in JSON lines, format {FORMAT}",
        "description": "Times are seconds since the Unix epoch, durations seconds. Bytes are "
        "base64 (RFC 4648, section 4). Text that came from the network is Latin-1, one character "
        "a byte; what is not printable ASCII is escaped. New keys may appear.",
        **made,
    }


def text() -> str:
    """Return the schema as the text of a file."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
