"""Saved weights of every format: the same names, shapes and values; and files that are no checkpoints."""

import io
import json
import os
import pickle
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from layerlore.errors import InputError, QualityWarning
from layerlore.networks.checkpoints import find_checkpoints, open_checkpoint
from layerlore.networks.checkpoints.dcp_metadata import METADATA
from reference.saved_series import FORMATS, training, write


def opened(path, key=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QualityWarning)
        return open_checkpoint(path, key)


@pytest.mark.parametrize("fmt", FORMATS)
def test_all_formats_hold_the_same(fmt, tmp_path):
    state = training()[3]
    (path,) = write(tmp_path, [state], fmt, [3])
    found = opened(path)
    assert set(found.names()) == set(state)
    for name, value in state.items():
        assert found.tensors[name].shape == tuple(value.shape)
        assert found.tensors[name].dtype == value.dtype
        assert torch.equal(found.tensor(name), value)
    if fmt not in ("safetensors", "sharded", "distributed"):
        assert found.names() == list(state)


@pytest.mark.parametrize("fmt", ["safetensors", "pt", "legacy"])
def test_reading_into_memory_that_is_there(fmt, tmp_path):
    state = training()[0]
    (path,) = write(tmp_path, [state], fmt)
    found = opened(path)
    out = torch.empty_like(state["7.weight"])
    found.read_into("7.weight", out)
    assert torch.equal(out, state["7.weight"])
    with pytest.raises(InputError, match=r"is float32 \[20, 192\]; it cannot be read into"):
        found.read_into("7.weight", torch.empty(3))


@pytest.mark.parametrize("fmt", ["safetensors", "pt", "legacy"])
def test_reading_in_pieces(fmt, tmp_path, monkeypatch):
    monkeypatch.setattr("layerlore.networks.checkpoints.mapped._PIECE", 48)
    monkeypatch.setattr("layerlore.networks.checkpoints.raw._LONGEST_READ", 50)
    (path,) = write(tmp_path, [training()[0]], fmt)
    found = opened(path)
    for name, value in training()[0].items():
        assert torch.equal(found.tensor(name), value)


def test_what_is_read_is_no_part_of_the_file(tmp_path):
    for fmt in ("pt", "safetensors"):
        (path,) = write(tmp_path / fmt, [training()[0]], fmt)
        before = path.read_bytes()
        found = opened(path)
        found.tensor("7.weight").zero_()
        assert torch.equal(found.tensor("7.weight"), training()[0]["7.weight"])
        assert path.read_bytes() == before


def test_every_dtype(tmp_path):
    dtypes = [
        torch.float16,
        torch.bfloat16,
        torch.float64,
        torch.float8_e4m3fn,
        torch.complex64,
        torch.int8,
        torch.bool,
    ]
    state = {str(dtype): torch.tensor([[1, 0], [1, 1]]).to(dtype) for dtype in dtypes} | {"number": torch.tensor(3)}
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "a.pt")
    for file in ("a.safetensors", "a.pt"):
        found = opened(tmp_path / file)
        for name, value in state.items():
            assert torch.equal(found.tensor(name).to(torch.complex64), value.to(torch.complex64))
            assert found.tensor(name).dtype == value.dtype


def test_views_sparse_and_quantised_tensors_of_torch(tmp_path):
    base = torch.arange(12.0).reshape(3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantised = torch.quantize_per_tensor(base, 0.5, 0, torch.qint8)
    state = {
        "turned": base.T,
        "part": base[1:, :2],
        "sparse": torch.eye(3).to_sparse(),
        "quantised": quantised,
        "empty": torch.empty(0, 4),
    }
    for number, zipped in enumerate((True, False)):
        path = tmp_path / f"{number}.pt"
        torch.save(state, path, _use_new_zipfile_serialization=zipped)
        found = opened(path)
        assert torch.equal(found.tensor("turned"), base.T)
        assert torch.equal(found.tensor("part"), base[1:, :2])
        assert torch.equal(found.tensor("sparse").to_dense(), torch.eye(3))
        assert torch.equal(found.tensor("quantised").dequantize(), state["quantised"].dequantize())
        assert found.tensor("empty").shape == (0, 4)


def test_tied_weights_are_one_memory(tmp_path):
    weight = torch.rand(4, 3)
    torch.save({"wte.weight": weight, "other.weight": weight.clone(), "lm_head.weight": weight}, tmp_path / "a.pt")
    assert opened(tmp_path / "a.pt").same == {"lm_head.weight": "wte.weight"}


def test_prefixes_of_wrappers_go(tmp_path):
    model = nn.Sequential(nn.Linear(2, 2))
    compiled = {f"module._orig_mod.{name}": value for name, value in model.state_dict().items()}
    torch.save(compiled, tmp_path / "a.pt")
    assert opened(tmp_path / "a.pt").names() == ["0.weight", "0.bias"]
    save_file({"model._orig_mod.0.weight": torch.rand(2)}, tmp_path / "a.safetensors")
    assert opened(tmp_path / "a.safetensors").names() == ["model.0.weight"]
    # A part of the network may be called module.
    save_file({"module.0.weight": torch.rand(2), "head.weight": torch.rand(2)}, tmp_path / "b.safetensors")
    assert set(opened(tmp_path / "b.safetensors").names()) == {"module.0.weight", "head.weight"}
    save_file({"_orig_mod.a": torch.rand(2), "a": torch.rand(2)}, tmp_path / "c.safetensors")
    with pytest.raises(InputError, match="which are both 'a' without the prefixes"):
        opened(tmp_path / "c.safetensors")


WEIGHTS = {"fc.weight": torch.ones(2, 3), "fc.bias": torch.zeros(2)}


@pytest.mark.parametrize(
    ("saved", "note"),
    [
        (WEIGHTS, None),
        ({"model_state_dict": WEIGHTS, "epoch": 3, "best": torch.tensor(0.9)}, "'model_state_dict'"),
        ({"model": WEIGHTS, "ema": WEIGHTS}, "from the key 'model'; other tensors are under 'ema'"),
        ({"module": WEIGHTS, "optimizer": {"state": {0: torch.ones(3)}}}, "'module'"),
        ({"my_net": WEIGHTS, "epoch": 1}, "'my_net'"),
        (WEIGHTS | {"_extra": {"version": 1}}, None),
    ],
)
def test_the_state_dict_is_found(saved, note, tmp_path):
    torch.save(saved, tmp_path / "a.pt")
    found = opened(tmp_path / "a.pt")
    assert torch.equal(found.tensor("fc.weight"), WEIGHTS["fc.weight"])
    assert not found.notes if note is None else note in found.notes[0]


def test_several_state_dicts_need_a_key(tmp_path):
    path = tmp_path / "a.pt"
    other = {"fc.weight": torch.zeros(2, 3)}
    torch.save({"model": WEIGHTS, "state_dict": other}, path)
    with pytest.raises(InputError, match=r"under several keys \('model', 'state_dict'\): say which .* with key="):
        opened(path)
    assert float(opened(path, "state_dict").tensor("fc.weight").sum()) == 0
    torch.save({"generator": WEIGHTS, "critic": {"net": other}}, path)
    assert float(opened(path, "critic.net").tensor("fc.weight").sum()) == 0
    with pytest.raises(InputError, match="has no key 'genrator'; did you mean 'generator'"):
        opened(path, "genrator")
    torch.save({"generator": WEIGHTS, "critic": other}, path)
    with pytest.raises(InputError, match="under several keys"):
        opened(path)


def test_distributed_checkpoints_have_keys_too(tmp_path):
    import torch.distributed.checkpoint as dcp

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcp.save({"gen": WEIGHTS, "critic": {"w": torch.ones(3, 2)}}, checkpoint_id=tmp_path / "two")
        dcp.save(WEIGHTS, checkpoint_id=tmp_path / "bare")
    with pytest.raises(InputError, match="under several keys"):
        opened(tmp_path / "two")
    assert opened(tmp_path / "two", "critic").names() == ["w"]
    assert set(opened(tmp_path / "bare").names()) == set(WEIGHTS)
    with pytest.raises(InputError, match="no key 'nothing' with tensors"):
        opened(tmp_path / "two", "nothing")


def test_a_tensor_in_several_parts_is_put_together(tmp_path):
    whole = torch.arange(24.0).reshape(6, 4)
    from torch.distributed.checkpoint.filesystem import _StorageInfo
    from torch.distributed.checkpoint.metadata import (
        ChunkStorageMetadata,
        Metadata,
        MetadataIndex,
        TensorProperties,
        TensorStorageMetadata,
    )

    storage, chunks = {}, []
    for rank, (start, size) in enumerate(((0, 4), (4, 2))):
        buffer = io.BytesIO(b"")
        torch.save(whole[start : start + size].clone(), buffer)
        (tmp_path / f"__{rank}_0.distcp").write_bytes(b"junk" * rank + buffer.getvalue())
        offset = torch.Size([start, 0])
        chunks.append(ChunkStorageMetadata(offset, torch.Size([size, 4])))
        length = len(buffer.getvalue())
        storage[MetadataIndex("w", offset)] = _StorageInfo(f"__{rank}_0.distcp", 4 * rank, length)
    found = {"w": TensorStorageMetadata(TensorProperties(torch.float32), torch.Size([6, 4]), chunks)}
    (tmp_path / METADATA).write_bytes(pickle.dumps(Metadata(found, {"w": ("w",)}, storage)))
    assert torch.equal(opened(tmp_path).tensor("w"), whole)
    found["w"].chunks.pop()
    (tmp_path / METADATA).write_bytes(pickle.dumps(Metadata(found, {"w": ("w",)}, storage)))
    with pytest.raises(InputError, match="parts of 'w' are missing"):
        opened(tmp_path)


class Runs:
    """Would make a folder when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_needs_code_is_refused(zipped, tmp_path):
    path = tmp_path / "evil.pt"
    torch.save({"w": torch.ones(2), "x": Runs(tmp_path / "ran")}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"evil.pt needs code to be run to be read: it pickles \w+.mkdir") as error:
        opened(path)
    assert "safetensors.torch.save_file" in str(error.value)
    assert not (tmp_path / "ran").exists()


def test_whole_modules_and_programs_are_refused(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(InputError, match=r"it pickles torch.nn.modules.linear.Linear, which is no tensor"):
        opened(tmp_path / "module.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "program.pt")
    with pytest.raises(InputError, match="is a TorchScript program"):
        opened(tmp_path / "program.pt")


def test_metadata_that_need_code_are_refused(tmp_path):
    (tmp_path / METADATA).write_bytes(pickle.dumps({"x": Runs(tmp_path / "ran")}))
    with pytest.raises(InputError, match=r"\.metadata is refused \(it names \w+\.mkdir\)"):
        opened(tmp_path)
    assert not (tmp_path / "ran").exists()
    (tmp_path / METADATA).write_bytes(b"\x80\x04nothing")
    with pytest.raises(InputError, match=r"is (refused|damaged)"):
        opened(tmp_path)


def test_metadata_cannot_lead_out_of_their_folder(tmp_path):
    (path,) = write(tmp_path, [training()[0]], "distributed")
    content = (path / METADATA).read_bytes()
    name = b"__0_0.distcp"
    assert name in content
    (path / METADATA).write_bytes(content.replace(name, b"../../passwd"))
    with pytest.raises(InputError, match="not in its own folder"):
        opened(path)


@pytest.mark.parametrize("fmt", ["safetensors", "pt", "legacy", "lightning"])
@pytest.mark.parametrize("left", [0, 5, 100, 0.5, 0.99])
def test_files_that_were_cut_off(fmt, left, tmp_path):
    (path,) = write(tmp_path, [training()[0]], fmt, [1])
    content = path.read_bytes()
    path.write_bytes(content[: int(left * len(content)) if left < 1 else left])
    with pytest.raises(InputError, match=path.name.replace(".", r"\.")):
        opened(path)


@pytest.mark.parametrize("fmt", ["safetensors", "pt", "legacy", "lightning", "distributed"])
def test_damaged_bytes_give_an_error_or_values_but_nothing_else(fmt, tmp_path):
    (path,) = write(tmp_path, [{"w": torch.rand(40, 3)}], fmt, [1])
    file = path / METADATA if fmt == "distributed" else path
    content = file.read_bytes()
    generator = torch.Generator().manual_seed(0)
    refused = 0
    for _ in range(60):
        place = int(torch.randint(len(content), (1,), generator=generator))
        file.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        said = complaint(path)
        refused += said != ""
        assert not said or str(path) in said
    assert refused > 0


def complaint(path):
    try:
        found = opened(path)
        for name in found.names():
            found.tensor(name)
    except InputError as error:
        return str(error)
    return ""


def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    (path,) = write(tmp_path, [training()[0]], "safetensors")
    found = opened(path)
    path.write_bytes(path.read_bytes()[:-100])
    ends = {name: found._places[name] for name in found.names()}
    name = max(ends, key=ends.get)
    with pytest.raises(InputError, match=r"step_0.safetensors ends after"):
        found.tensor(name)
    path.unlink()
    with pytest.raises(InputError, match=r"step_0.safetensors cannot be read \(No such file"):
        found.tensor("7.weight")


def header(entries, n_bytes=8):
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + bytes(n_bytes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header([1]), "its header is no JSON object"),
        (header({"w": {"dtype": "F32", "shape": [2]}}), "its header describes 'w' as"),
        (header({"w": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}), "its header describes 'w' as"),
        (header({"w": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}), "12 bytes, and has a place of 8"),
        (header({"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}), "overlap or leave holes at byte 0"),
        (header({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, 12), "names 8 bytes of tensors"),
        (b"\xff" * 40, "is no safetensors file, or was cut off"),
        ((5).to_bytes(8, "little") + b"{nope", "its header is no JSON"),
        (header({}, 0), "holds no tensors"),
    ],
)
def test_headers_that_are_wrong(content, message, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=message):
        opened(tmp_path / "a.safetensors")


def test_a_dtype_that_torch_has_not_is_left_out_and_said(tmp_path):
    entries = {
        "a": {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]},
        "w": {"dtype": "F32", "shape": [2], "data_offsets": [2, 10]},
    }
    (tmp_path / "a.safetensors").write_bytes(header(entries, 10))
    found = opened(tmp_path / "a.safetensors")
    assert found.names() == ["w"]
    assert "1 tensors of a dtype that PyTorch has not were left out, such as 'a'" in found.notes[0]


def test_our_reading_is_that_of_the_safetensors_package(tmp_path):
    save_file(dict(training()[2]), tmp_path / "a.safetensors", metadata={"format": "pt"})
    found = opened(tmp_path / "a.safetensors")
    theirs = load_file(tmp_path / "a.safetensors")
    assert set(theirs) == set(found.names())
    assert all(torch.equal(found.tensor(name), value) for name, value in theirs.items())


def test_shards_that_are_wrong(tmp_path):
    (path,) = write(tmp_path, [training()[0]], "sharded")
    index = path / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    assert opened(index).names() == opened(path).names()
    one = path / "model-00001-of-00002.safetensors"
    with pytest.raises(InputError, match="is one of several shards: give its folder"):
        opened(one)
    index.unlink()
    assert set(opened(path).names()) == set(training()[0])
    one.rename(path / "away")
    with pytest.raises(InputError, match=r"holds 1 of 2 shards \(number 1 is missing\)"):
        opened(path)
    index.write_text(json.dumps(content))
    with pytest.raises(InputError, match="names 1 shards that are missing, such as 'model-00001"):
        opened(path)
    index.write_text(json.dumps({"weight_map": {"a": "../../other.safetensors"}}))
    with pytest.raises(InputError, match="which is not in its own folder"):
        opened(path)
    for nonsense in ("{}", "[", '{"weight_map": 3}', '{"weight_map": {}}'):
        index.write_text(nonsense)
        with pytest.raises(InputError, match=r"is no index of shards|names no shards"):
            opened(path)


def test_what_is_no_checkpoint(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        opened(tmp_path / "nothing.pt")
    (tmp_path / "a.h5").write_bytes(b"x")
    with pytest.raises(InputError, match=r"no known format: \.safetensors"):
        opened(tmp_path / "a.h5")
    with pytest.raises(InputError, match="is no checkpoint: it holds 0 files of weights"):
        opened(tmp_path)
    for saved, message in (([1], "holds a list"), ({"a": 1}, "holds no tensors"), (torch.ones(2), "holds a Tensor")):
        torch.save(saved, tmp_path / "a.pt")
        with pytest.raises(InputError, match=message):
            opened(tmp_path / "a.pt")
    (path,) = write(tmp_path, [training()[0]])
    with pytest.raises(InputError, match=r"holds no tensor '7.wieght'; did you mean '7.weight'"):
        opened(path).tensor("7.wieght")


def test_old_files_say_that_they_were_read_whole(tmp_path):
    (path,) = write(tmp_path, [training()[0]], "legacy")
    with pytest.warns(QualityWarning, match=r"step_0.pth has an older format .* read whole"):
        found = open_checkpoint(path)
    assert "read whole" in found.notes[0]


def test_checkpoints_of_a_folder(tmp_path):
    write(tmp_path / "files", training()[:3], "pt", [1, 9, 10])
    (tmp_path / "files" / "optimizer.pt").write_bytes(b"")
    (tmp_path / "files" / "log.txt").write_bytes(b"")
    assert [path.name for path in find_checkpoints([tmp_path / "files"])] == ["step_1.pt", "step_9.pt", "step_10.pt"]
    (tmp_path / "files" / "last.pt").write_bytes(b"")
    (tmp_path / "files" / "best_model-v1.pt").write_bytes(b"")
    with pytest.warns(QualityWarning, match=r"best_model-v1.pt, .*last.pt left out: the name tells no step"):
        assert len(find_checkpoints([tmp_path / "files"])) == 3
    folders = write(tmp_path / "run", training()[:2], "sharded", [5, 10])
    assert find_checkpoints([tmp_path / "run"]) == folders
    # The folder of a run of transformers holds its last model too.
    save_file(dict(training()[2]), tmp_path / "run" / "model.safetensors")
    assert find_checkpoints([tmp_path / "run"]) == folders
    assert find_checkpoints([folders[0]]) == [folders[0]]
    distributed = write(tmp_path / "dcp", training()[:2], "distributed")
    assert find_checkpoints([tmp_path / "dcp"]) == distributed
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="holds no checkpoints"):
        find_checkpoints([tmp_path / "none"])
    with pytest.raises(InputError, match="does not exist"):
        find_checkpoints([tmp_path / "nowhere"])
