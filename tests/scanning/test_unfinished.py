"""Answers that are cut off."""

import pytest

from vscan_tui.scanning.interrogation.unfinished import is_unfinished


@pytest.mark.parametrize(
    "response",
    [
        b"220 mail.example ESMTP Post",
        b"220-Welcome\r\n",
        b"220-Welcome\r\n to this server\r\n",
        b"220-Welcome\r\n220 Rea",
        b"SSH-2.0-Open",
        b"HTTP/1.1 200 OK\r\nServer: ng",
        b"HTTP/1.1 200 OK\r\n",
    ],
)
def test_what_lacks_its_end_is_unfinished(response):
    assert is_unfinished(response)


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"220 mail.example ESMTP\r\n",
        b"220-Welcome\r\n to this server\r\n220 Ready\r\n",
        b"220-Welcome\n220\n",
        b"500 What?\r\nAsk for help.\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n<html>",
        b"HTTP/1.0 400 Bad\n\n",
        b"login: ",
        b"\xff\xfd\x01",
        b"2200 widgets",
    ],
)
def test_what_may_be_whole_is_not(response):
    assert not is_unfinished(response)
