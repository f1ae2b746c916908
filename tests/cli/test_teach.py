"""``perovsim teach``: wrong words end with one line."""

from __future__ import annotations

import socket
from pathlib import Path


def test_unknown_lesson(perovsim, tmp_path: Path) -> None:
    outcome = perovsim("teach", "--export", tmp_path, "--lesson", "corosion")
    assert outcome.code == 2
    assert "there is no lesson 'corosion'; did you mean 'corrosion'?" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written(perovsim, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = perovsim("teach", "--export", tmp_path / "file" / "lessons", "--lesson", "microscope")
    assert outcome.code == 2 and "cannot be written" in outcome.err and "choose another folder" in outcome.err


def test_lesson_without_export(perovsim) -> None:
    outcome = perovsim("teach", "--lesson", "microscope")
    assert outcome.code == 2 and "add --export DIR" in outcome.err


def test_port_that_is_taken_or_not_allowed(perovsim) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        outcome = perovsim("teach", "--no-browser", "--port", port)
    assert outcome.code == 2 and f"port {port} is taken" in outcome.err and "--port" in outcome.err
    outcome = perovsim("teach", "--no-browser", "--port", 80)
    assert outcome.code == 2 and "allowed: 1024 to 65535" in outcome.err
