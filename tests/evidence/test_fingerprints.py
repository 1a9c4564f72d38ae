"""Of services that nobody's database knew, the bundled one says nothing wrong.

The fingerprints are other people's and lie outside the project; where they are
absent, nothing is tested.  A person has looked at what is said of each.
"""

from pathlib import Path

import pytest

from tests.evidence.test_evidence import matcher
from vscan_tui.session.importers.pasted import decode_text, find_fingerprints

FINGERPRINTS = Path(__file__).parents[2].parent / "shared" / "fingerprints"

LIKE_GET_REQUEST = {"HTTPOptions", "FourOhFourRequest"}
"""Probes of Nmap's whose answers are of the kind that our GetRequest gets."""

RIGHT = {
    "http": "007 009 010 011 015 017 022 026 034 049 064 073 082 088 093 099 102 126 127 133 147 "
    "152 186 192 198 229",
    "http Golang net/http server": "010 036 038 040 049 051 119 186",
    "http Grafana http": "036 038 040",
    "http Apache Tomcat": "016 026 028 031 099",
    "http Atlassian Confluence": "016",
    "http Aleph httpd": "017",
    "http Werkzeug httpd": "008 094 149",
    "http websockify": "013",
    "http Gunicorn": "041 088",
    "http Kubernetes API server": "051 130",
    "http Gitea": "119 132",
    "http Node.js Express framework": "011",
    "http Elasticsearch Kibana": "229",
    "amqp": "001",
    "activemq ActiveMQ OpenWire transport": "003",
    "ssh Banana Studio SSH server": "006 092 246",
    "ssh OpenSSH": "055",
    "ssh Golang x/crypto/ssh server": "110",
    "ftp vsftpd": "024",
    "ftp ProFTPD": "128",
    "ftp": "250",
    "smtp": "109",
    "mysql MariaDB": "054 085 223 224",
    "mysqlx MySQL X protocol": "120 148",
    "java-object Java Object Serialization": "042 043 044 077 078 181 182 183 217 218 219",
    "kerberos-sec MIT Kerberos KDC": "237",
}
"""What may be said, and of which fingerprints, by the numbers in their names."""


def said_of(path: Path) -> set[str]:
    """Return the services and products that our rules see in a fingerprint."""
    match, databases = matcher()
    said = set()
    for fingerprint in find_fingerprints(decode_text(path.read_bytes())):
        for response in fingerprint.responses:
            names = {response.probe, "NULL"}
            if response.probe in LIKE_GET_REQUEST:
                names.add("GetRequest")
            for name in names:
                probe = databases.find(name, fingerprint.protocol or "tcp")
                found = None if probe is None else match.match(probe, response.data).match
                if found is not None:
                    said.add(f"{found.service} {found.fields.product or ''}".strip())
    return said


@pytest.mark.skipif(not FINGERPRINTS.is_dir(), reason="no fingerprints are here")
def test_nothing_wrong_is_said_of_services_that_are_known_to_nobody():
    wrong = {
        path.name: unlooked
        for path in sorted(FINGERPRINTS.glob("*.sf.txt"))
        if (
            unlooked := {
                answer
                for answer in said_of(path)
                if path.name.partition("-")[0] not in RIGHT.get(answer, "").split()
            }
        )
    }

    assert wrong == {}
