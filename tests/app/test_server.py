"""The server starts where it may and says why where it may not; the command passes on what it was told."""

import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.runs import begun
from layerlore.app import build, serve, serving
from layerlore.cli.app import app as command
from layerlore.errors import InputError, RunError


def fetched(address, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=20) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def test_it_serves_this_machine_and_stops(tmp_path):
    begun(tmp_path / "run", 3)
    with serving(tmp_path) as address:
        assert address.startswith("http://127.0.0.1:")
        status, page, headers = fetched(address)
        assert (status, "LayerLore" in page) == (200, True)
        assert "Python" not in headers["Server"]
        assert fetched(address, Host="evil.example")[0] == 403
        # The page names no other origin.
        assert "http://" not in page.replace("http://www.w3.org", "")
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address, timeout=5)


def test_it_is_bound_to_this_machine_alone(tmp_path):
    with serving(tmp_path) as address:
        port = int(address.split(":")[2].strip("/"))
        listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        places = [words[1] for words in listening if words[1].endswith(f":{port:04X}") and words[3] == "0A"]
        assert places == [f"0100007F:{port:04X}"]


def test_other_machines_only_with_a_token(tmp_path):
    with (
        pytest.raises(InputError, match="would let other machines read the runs: pass expose"),
        serving(tmp_path, host="0.0.0.0"),
    ):
        pass
    with serving(tmp_path, expose=True) as address:
        assert fetched(address.split("?")[0])[0] == 403
        assert len(address.split("?token=")[1]) >= 32
        assert fetched(address)[0] == 200


def test_two_servers_do_not_make_one_token(tmp_path):
    with serving(tmp_path, expose=True) as one, serving(tmp_path, expose=True) as two:
        assert one.split("=")[1] != two.split("=")[1]


@pytest.mark.parametrize("token", ["", "short", "fifteen-letters", "seventeen-letterß"])
def test_a_poor_token_is_refused(tmp_path, token):
    with pytest.raises(InputError, match="needs at least 16, of plain ASCII"):
        build(tmp_path, token=token)


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(RunError, match="missing does not exist"):
        build(tmp_path / "missing")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="file is a file: give the folder"):
        serve(tmp_path / "file")


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port} of 127.0.0.1 cannot be listened at .*0 takes any free one"):
            serve(tmp_path, port=port)
        result = CliRunner().invoke(command, ["serve", str(tmp_path), "--port", str(port)])
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"layerlore: error: port {port} of 127.0.0.1 cannot be listened at")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["/no/such/folder"], 4, "layerlore: error: /no/such/folder does not exist"),
        ([".", "--host", "0.0.0.0"], 2, "layerlore: error: host='0.0.0.0' would let other machines"),
        ([".", "--host", "no.such.host.invalid", "--expose"], 2, "is no address of this machine"),
        ([".", "--token", "short"], 2, "the token has 5 characters"),
        ([".", "--port", "70000"], 2, "less than or equal to 65535"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_sentence(words, code, said):
    result = CliRunner().invoke(command, ["serve", *words])
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_help_teaches():
    result = CliRunner().invoke(command, ["serve", "--help"])
    assert result.exit_code == 0
    for part in ("layerlore serve runs", "ssh -L", "--expose", "--token", "links in it are not"):
        assert part in result.stdout


def test_the_command_prints_the_address_and_stops_quietly(tmp_path):
    # What a shell runs in the background ignores this signal, and so would its children.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from layerlore.cli import main; main()"
    )
    words = [sys.executable, "-c", code, "serve", str(tmp_path), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        try:
            line = started.stdout.readline()
            assert line.startswith(f"serving {tmp_path} at http://127.0.0.1:")
            assert fetched(line.split(" at ")[1].strip())[0] == 200
            started.send_signal(signal.SIGINT)
            _, error = started.communicate(timeout=20)
            assert (started.returncode, error) == (0, "\nlayerlore: stopped\n")
        finally:
            started.kill()


def test_without_dash_the_extra_is_named(tmp_path):
    code = (
        "import sys; sys.modules['dash'] = None\n"
        "import layerlore.app\n"
        "try:\n    layerlore.app.build(sys.argv[1])\nexcept ImportError as error:\n    print(error)\n"
    )
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "the live page needs the package 'dash'" in result.stdout
    assert "pip install 'layerlore[app]'" in result.stdout


def test_importing_the_package_brings_no_dash():
    code = "import sys, layerlore.app; print('dash' in sys.modules, 'flask' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "False False\n"


def test_a_served_folder_leaves_no_thread(tmp_path):
    before = threading.active_count()
    with serving(tmp_path):
        pass
    assert threading.active_count() <= before
