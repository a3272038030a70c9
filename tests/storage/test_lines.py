"""Lines are there whole or not at all, whatever happens to the process and the disk."""

import json
import math
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlore.errors import RunError
from layerlore.storage import LineFile, as_number, read_lines
from layerlore.storage.lines import BLOCK, AppendFile

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def write(path: Path, *lines: dict) -> None:
    file = LineFile(path)
    for line in lines:
        file.append(line)
    file.close()


class FullDisk:
    """A file that takes ``room`` more bytes and then refuses, as the operating system does it: first a part."""

    closed = False

    def __init__(self, file, room: int) -> None:
        self._file, self._room = file, room

    def write(self, content: bytes) -> int:
        if not self._room:
            raise OSError(28, "No space left on device")
        taken = self._file.write(content[: self._room])
        self._room -= taken
        return taken

    def __getattr__(self, name: str):
        return getattr(self._file, name)


@given(st.lists(st.floats(width=64), max_size=8))
def test_numbers_come_back_bit_by_bit(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("lines") / "file"
    write(path, {"values": numbers, "nested": {"first": numbers[:1]}})
    (found,) = read_lines(path)
    back = [as_number(number) for number in found["values"]]
    # The payload of a NaN is no number and is not kept.
    expected = [math.nan if math.isnan(number) else number for number in numbers]
    assert [struct.pack("d", number) for number in back] == [struct.pack("d", number) for number in expected]
    assert found["nested"] == {"first": found["values"][:1]}


@given(st.text(st.characters(codec=None), min_size=1))
def test_any_name_comes_back(tmp_path_factory, name):
    path = tmp_path_factory.mktemp("lines") / "file"
    write(path, {name: {"layer": name}}, {"next": 1})
    assert list(read_lines(path)) == [{name: {"layer": name}}, {"next": 1}]


def test_the_file_is_strict_json_with_one_line_each(tmp_path):
    write(tmp_path / "file", {"a\nb": [math.nan, math.inf, -math.inf, 1.5, 2, True, None, "inf"]}, {"größe": 0.1})
    lines = (tmp_path / "file").read_bytes().splitlines()
    assert len(lines) == 2

    def refuse(word):
        raise AssertionError(word)

    assert json.loads(lines[0], parse_constant=refuse) == {"a\nb": [None, "inf", "-inf", 1.5, 2, True, None, "inf"]}
    assert json.loads(lines[1], parse_constant=refuse) == {"größe": 0.1}


def test_no_file_is_no_line_and_folders_are_made(tmp_path):
    assert list(read_lines(tmp_path / "none")) == []
    write(tmp_path / "a" / "b" / "file", {"x": 1})
    assert list(read_lines(tmp_path / "a" / "b" / "file")) == [{"x": 1}]


@pytest.mark.parametrize("torn", [b"{", b'{"step": 2, "values": {"layer', b"x" * (2 * BLOCK + 3), b"\x00" * 9])
def test_a_torn_last_line_is_left_out_and_removed(tmp_path, torn):
    path = tmp_path / "file"
    write(path, {"step": 1})
    with path.open("ab") as file:
        file.write(torn)
    assert list(read_lines(path)) == [{"step": 1}]
    write(path, {"step": 2})
    assert path.read_bytes() == b'{"step": 1}\n{"step": 2}\n'


@pytest.mark.parametrize("length", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_the_torn_line_is_found_wherever_the_blocks_end(tmp_path, length):
    path = tmp_path / "file"
    path.write_bytes(b"y" * 5 + b"\n" + b"x" * length)
    AppendFile(path).close()
    assert path.read_bytes() == b"yyyyy\n"
    path.write_bytes(b"x" * length)
    AppendFile(path).close()
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (b"{]", "Expecting property name"),
        (b"\xff{}", "invalid start byte"),
        (b"[1, 2]", "no JSON object"),
        (b"", "Expecting value"),
        (b"[" * 100_000, "recursion"),
        (b'{"x": ' + b"9" * 5000 + b"}", "4300"),
    ],
)
def test_a_damaged_line_is_named(tmp_path, damage, what):
    path = tmp_path / "file"
    path.write_bytes(b'{"step": 1}\n' + damage + b'\n{"step": 3}\n')
    lines = read_lines(path)
    assert next(lines) == {"step": 1}
    with pytest.raises(RunError) as caught:
        next(lines)
    message = str(caught.value)
    assert message.startswith(f"{path}, line 2, is damaged (")
    assert what in message
    assert message.endswith("): restore the file or record again")


@pytest.mark.parametrize("value", ["nan", "Infinity", "1", True, [1.0], {}, 10**400])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match=r"is no number|too large"):
        as_number(value)


def test_a_path_that_is_a_folder_is_an_error(tmp_path):
    with pytest.raises(RunError, match=rf"^{tmp_path} cannot be opened for writing \(Is a directory\)$"):
        LineFile(tmp_path)
    with pytest.raises(RunError, match=rf"^{tmp_path} cannot be read \(Is a directory\)$"):
        list(read_lines(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be opened for writing"):
        LineFile(tmp_path / "file" / "inside")
    with pytest.raises(RunError, match=r"^/dev/null cannot be opened for writing \(Invalid argument\)$"):
        LineFile(Path("/dev/null"))


@pytest.mark.parametrize("room", [0, 1, 14])
def test_a_full_disk_leaves_whole_lines_and_writing_goes_on_when_there_is_room(tmp_path, room):
    path = tmp_path / "file"
    file = LineFile(path)
    file.append({"step": 1})
    inner = file._file._file
    file._file._file = FullDisk(inner, room)
    with pytest.raises(RunError) as caught:
        file.append({"step": 2}, {"step": 3})
    assert str(caught.value) == (
        f"could not write to {path} (No space left on device): free space; what was recorded before is unharmed"
    )
    assert path.read_bytes() == b'{"step": 1}\n'
    file._file._file = FullDisk(inner, 10**6)
    file.append({"step": 2})
    file.close()
    assert list(read_lines(path)) == [{"step": 1}, {"step": 2}]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_device_without_space_is_an_error(tmp_path):
    file = AppendFile(tmp_path / "file")
    file._file.close()
    with Path("/dev/full").open("ab", buffering=0) as full:
        file._file = full
        with pytest.raises(RunError, match=r"could not write to .*file \(No space left on device\)"):
            file.append(b"x\n")


def test_short_writes_are_completed(tmp_path):
    file = AppendFile(tmp_path / "file")

    class OneByte(FullDisk):
        def write(self, content: bytes) -> int:
            return self._file.write(content[:1])

    file._file = OneByte(file._file, 0)
    file.append(b"whole\n")
    file.close()
    assert (tmp_path / "file").read_bytes() == b"whole\n"


def test_several_lines_go_in_one_write(tmp_path, monkeypatch):
    file = LineFile(tmp_path / "file")
    taken = []
    monkeypatch.setattr(file._file, "append", taken.append)
    file.append({"a": 1}, {"b": 2})
    assert taken == [b'{"a": 1}\n{"b": 2}\n']
    file.close()


def test_a_closed_file_says_so(tmp_path):
    file = LineFile(tmp_path / "file")
    file.close()
    file.close()
    with pytest.raises(RunError, match=r"could not write to .*file: it was closed before; open it anew"):
        file.append({"x": 1})


def test_a_value_that_is_no_json_leaves_the_file_alone(tmp_path):
    file = LineFile(tmp_path / "file")
    with pytest.raises(TypeError):
        file.append({"x": object()})
    file.append({"x": 1})
    file.close()
    assert list(read_lines(tmp_path / "file")) == [{"x": 1}]


TORN = """
import os, signal, sys
from pathlib import Path
from layerlore.storage import LineFile

file = LineFile(Path(sys.argv[1]))
file.append({"step": 1})
inner = file._file._file


class Dying:
    closed = False

    def write(self, content):
        inner.write(content[: len(content) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    def __getattr__(self, name):
        return getattr(inner, name)


file._file._file = Dying()
file.append({"step": 2})
"""

ENDLESS = """
import sys
from pathlib import Path
from layerlore.storage import LineFile

file = LineFile(Path(sys.argv[1]))
step = 0
while True:
    step += 1
    file.append({"step": step, "values": [step / 7] * 20_000})
"""


def test_killed_within_a_line(tmp_path):
    path = tmp_path / "file"
    result = subprocess.run([sys.executable, "-c", TORN, str(path)], env=ENVIRONMENT, check=False)
    assert result.returncode == -signal.SIGKILL
    assert path.read_bytes() == b'{"step": 1}\n{"step'
    assert list(read_lines(path)) == [{"step": 1}]
    write(path, {"step": 2})
    assert list(read_lines(path)) == [{"step": 1}, {"step": 2}]


def test_killed_from_outside_while_writing(tmp_path):
    path = tmp_path / "file"
    child = subprocess.Popen([sys.executable, "-c", ENDLESS, str(path)], env=ENVIRONMENT)
    limit = time.monotonic() + 60
    while (not path.exists() or path.stat().st_size < 3_000_000) and time.monotonic() < limit:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    lines = list(read_lines(path))
    assert len(lines) > 3
    for step, line in enumerate(lines, start=1):
        assert line == {"step": step, "values": [step / 7] * 20_000}
    write(path, {"step": -1})
    again = list(read_lines(path))
    assert [line["step"] for line in again] == [*range(1, len(lines) + 1), -1]


def test_an_interruption_leaves_whole_lines(tmp_path):
    path = tmp_path / "file"
    file = LineFile(path)
    file.append({"step": 1})

    class Interrupted(FullDisk):
        def write(self, content: bytes) -> int:
            self._file.write(content[:5])
            raise KeyboardInterrupt

    file._file._file = Interrupted(file._file._file, 0)
    with pytest.raises(KeyboardInterrupt):
        file.append({"step": 2})
    file.close()
    assert path.read_bytes() == b'{"step": 1}\n'
