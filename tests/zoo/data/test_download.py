"""Tests of checksums and of fetching, from a server of this machine's own."""

import gzip
import hashlib
import http.server
import io
import sys
import tarfile
import threading
import zipfile

import pytest

from layerlore.errors import InputError, MissingExtraError
from layerlore.zoo import load_data, load_sentences
from layerlore.zoo.data import DATA, SENTENCES, SOURCES, checksums, download
from layerlore.zoo.data.download import REMOTE, Remote
from reference.data_files import mnist

TRAIN = b"sentence\tlabel\nfine\t1\n"
DEV = b"sentence\tlabel\ndull\t0\nbright\t1\n"
FILES = {"train.tsv": TRAIN, "dev.tsv": DEV}


def md5(content):
    return "md5:" + hashlib.md5(content).hexdigest()


def zipped(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments):
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield folder, f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()
        thread.join()


@pytest.fixture
def official(monkeypatch, server):
    """SST-2 as two small files in an archive on the server, in place of the true one."""
    folder, url = server

    def publish(archive="SST-2.zip", pack=zipped, files=None, checksum=None):
        content = pack(files or {f"SST-2/{name}": content for name, content in FILES.items()})
        (folder / archive).write_bytes(content)
        members = {name: f"SST-2/{name}" for name in FILES}
        remote = Remote(f"{url}/{archive}", checksum or md5(content), members)
        monkeypatch.setitem(REMOTE, "sst2", (remote,))

    monkeypatch.setitem(checksums.OFFICIAL, "sst2", {name: md5(content) for name, content in FILES.items()})
    publish()
    return publish


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("archive", "pack"), [("SST-2.zip", zipped), ("SST-2.tar.gz", tarred)])
def test_an_archive_is_fetched_and_unpacked(tmp_path, official, archive, pack):
    official(archive, pack)
    data = load_sentences("sst2", tmp_path, download=True)
    assert data.train == ("fine",)
    assert data.files == {"train.tsv": "official", "dev.tsv": "official"}
    assert names(tmp_path) == ["sst2"]
    assert names(tmp_path / "sst2") == ["dev.tsv", "train.tsv"]


def test_what_is_there_is_not_fetched_again(tmp_path, official, monkeypatch):
    load_sentences("sst2", tmp_path, download=True)
    monkeypatch.setattr(download, "_fetch_one", lambda *arguments: pytest.fail("fetched again"))
    assert load_sentences("sst2", tmp_path, download=True).train == ("fine",)
    assert load_sentences("sst2", tmp_path / "sst2", download=True).train == ("fine",)
    assert load_sentences("sst2", tmp_path).train == ("fine",)


def test_only_what_is_missing_is_added(tmp_path, official):
    folder = tmp_path / "sst2"
    folder.mkdir()
    (folder / "train.tsv.gz").write_bytes(gzip.compress(TRAIN))
    load_sentences("sst2", folder, download=True)
    assert names(folder) == ["dev.tsv", "train.tsv.gz"]


def test_a_part_of_something_else_is_not_filled_up(tmp_path, official):
    folder = tmp_path / "sst2"
    folder.mkdir()
    (folder / "train.tsv").write_bytes(TRAIN + b"mine\t1\n")
    with pytest.raises(
        InputError, match=r"train\.tsv is not the official file of 'sst2', so the 1 missing ones \(dev\.tsv"
    ):
        load_sentences("sst2", folder, download=True)
    assert names(folder) == ["train.tsv"]


def test_a_root_that_holds_another_set_stays_as_it_is(tmp_path, official):
    (tmp_path / "train.tsv").write_bytes(TRAIN + b"mine\t1\n")
    assert load_sentences("sst2", tmp_path, download=True).train == ("fine",)
    assert names(tmp_path) == ["sst2", "train.tsv"]


def test_plain_files_are_fetched_one_by_one(tmp_path, server, monkeypatch):
    folder, url = server
    mnist(folder, packed=True)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setitem(
        REMOTE, "mnist", tuple(Remote(f"{url}/{name}", md5(content), {}) for name, content in files.items())
    )
    data = load_data("mnist", tmp_path / "deep" / "mnist", download=True)
    assert len(data.train) == 7
    assert names(tmp_path / "deep" / "mnist") == sorted(files)


def test_without_a_server_the_error_says_what_to_do(tmp_path, official, monkeypatch):
    # A port that nobody listens on.
    remote = Remote("http://127.0.0.1:9/SST-2.zip", "md5:0", dict.fromkeys(FILES, ""))
    monkeypatch.setitem(REMOTE, "sst2", (remote,))
    said = r"127\.0\.0\.1:9/SST-2\.zip cannot be fetched .*put train\.tsv, dev\.tsv of it into .*sst2"
    with pytest.raises(InputError, match=said):
        load_sentences("sst2", tmp_path, download=True)
    # Not even an empty folder, which would hide files in the one above.
    assert names(tmp_path) == []


def test_a_file_that_the_server_lacks(tmp_path, official, server):
    (server[0] / "SST-2.zip").unlink()
    with pytest.raises(InputError, match=r"cannot be fetched \(HTTPError: 404"):
        load_sentences("sst2", tmp_path, download=True)


def test_a_fetched_file_with_another_checksum_is_not_kept(tmp_path, official):
    official(checksum=md5(b"something else"))
    with pytest.raises(InputError, match=r"cannot be fetched \(ValueError: .*hash"):
        load_sentences("sst2", tmp_path, download=True)
    assert names(tmp_path) == []


def test_a_member_with_another_checksum_is_not_kept(tmp_path, official):
    official(files={"SST-2/train.tsv": TRAIN, "SST-2/dev.tsv": DEV + b"more\t1\n"})
    with pytest.raises(InputError, match=r"SST-2/dev\.tsv in it has another checksum than the published one"):
        load_sentences("sst2", tmp_path, download=True)
    # What was right stays, so that nothing is fetched twice.
    assert names(tmp_path / "sst2") == ["train.tsv"]


def test_an_archive_without_the_member(tmp_path, official):
    official(files={"SST-2/train.tsv": TRAIN, "../dev.tsv": DEV})
    with pytest.raises(InputError, match=r"there is no SST-2/dev\.tsv in it"):
        load_sentences("sst2", tmp_path, download=True)
    assert names(tmp_path) == ["sst2"]


def test_no_pooch(tmp_path, official, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'layerlore\[data\]'"):
        load_sentences("sst2", tmp_path, download=True)


def test_a_folder_that_cannot_be_made(tmp_path, official):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a folder that can be written to is needed"):
        load_sentences("sst2", tmp_path / "file" / "sst2", download=True)


def test_the_files_of_another_set_are_refused(tmp_path, monkeypatch):
    mnist(tmp_path)
    images = (tmp_path / "train-images-idx3-ubyte").read_bytes()
    monkeypatch.setitem(checksums.OFFICIAL, "mnist", {"train-images-idx3-ubyte": md5(images)})
    assert load_data("mnist", tmp_path).files["train-images-idx3-ubyte"] == "official"
    assert load_data("mnist", tmp_path).files["train-labels-idx1-ubyte"] == "unknown"
    with pytest.raises(
        InputError, match=r"train-images-idx3-ubyte is the file of the data set 'mnist', not of 'fashion_mn"
    ):
        load_data("fashion_mnist", tmp_path)


def test_every_set_that_has_files_can_be_fetched_and_checked():
    assert set(REMOTE) == {name for name, source in SOURCES.items() if source.versions}
    assert set(DATA) | set(SENTENCES) == set(SOURCES)
    for name, remotes in REMOTE.items():
        given = [file for remote in remotes for file in remote.gives]
        assert set(SOURCES[name].versions[0]) <= set(given)
        # So that a fetched file is always recorded as official.
        assert set(given) <= set(checksums.OFFICIAL[name])
        assert all(remote.url.startswith(("https://", "http://")) for remote in remotes)
    lengths = {"md5": 32, "sha1": 40, "sha256": 64}
    for known in (*checksums.OFFICIAL.values(), {remote.url: remote.checksum for r in REMOTE.values() for remote in r}):
        for checksum in known.values():
            algorithm, _, digest = checksum.partition(":")
            assert len(digest) == lengths[algorithm]
            int(digest, 16)
