"""Tests of SST-2's tab-separated files."""

import gzip

import pytest
import torch

from layerlore.errors import InputError
from layerlore.zoo import load_data, load_sentences

TRAIN = "sentence\tlabel\nhide new secretions from the parental units \t0\nthat loves its characters \t1\nfun\t1\n"
DEV = 'sentence\tlabel\nit \'s a "charming" journey . \t1\nna\u00efve \u2028 and desperate \t0\n'


def sst2(root, train=TRAIN, dev=DEV):
    (root / "train.tsv.gz").write_bytes(gzip.compress(train.encode()))
    (root / "dev.tsv").write_bytes(dev if isinstance(dev, bytes) else dev.encode())


def test_sentences_and_labels_come_back(tmp_path):
    sst2(tmp_path)
    data = load_sentences("sst2", tmp_path)
    assert data.train == ("hide new secretions from the parental units", "that loves its characters", "fun")
    assert data.train_labels.tolist() == [0, 1, 1]
    assert data.train_labels.dtype == torch.int64
    # Quotes are text, and an odd line separator ends no line.
    assert data.validation == ('it \'s a "charming" journey .', "na\u00efve \u2028 and desperate")
    assert data.validation_labels.tolist() == [1, 0]
    assert (data.classes, data.name) == (("negative", "positive"), "sst2")
    assert data.files == {"train.tsv.gz": "other", "dev.tsv": "other"}


def test_lines_may_end_as_windows_ends_them(tmp_path):
    sst2(tmp_path, dev=DEV.replace("\n", "\r\n"))
    assert load_sentences("sst2", tmp_path).validation[0] == 'it \'s a "charming" journey .'


@pytest.mark.parametrize(
    ("dev", "message"),
    [
        ("", "the first line is ''; expected"),
        ("index\tsentence\n0\tfine\n", r"the first line is 'index\\tsentence'; expected 'sentence\\tlabel'"),
        ("sentence\tlabel\n", "no sentences after the first line"),
        (DEV + "cut off in the mid", "line 4 is 'cut off in the mid'; expected a sentence, one tab and the label"),
        (DEV + "cut off\t", r"line 4 is 'cut off\\t'"),
        (DEV + "three\t2\n", r"line 4 is 'three\\t2'"),
        (DEV + "two\ttabs\t1\n", "line 4 is"),
        (DEV + " \t1\n", "line 4 is"),
        (DEV.replace("\n", "\n\n", 2), "line 2 is ''"),
        (b"sentence\tlabel\n\xff\xfe\t1\n", r"byte 15 \(0xff\) is no UTF-8"),
    ],
)
def test_a_broken_file_is_refused(tmp_path, dev, message):
    sst2(tmp_path, dev=dev)
    with pytest.raises(InputError, match=rf"dev\.tsv: {message}"):
        load_sentences("sst2", tmp_path)


def test_names_and_roots(tmp_path):
    with pytest.raises(InputError, match="data='sst-2' is not known; did you mean 'sst2'"):
        load_sentences("sst-2", tmp_path)
    with pytest.raises(
        InputError, match=r"'sst2' is read from files: set root to the folder that holds train\.tsv, dev"
    ):
        load_sentences("sst2")
    with pytest.raises(InputError, match=r"read it with load_sentences\('sst2', root\)"):
        load_data("sst2", tmp_path)
    with pytest.raises(InputError, match=r"train\.tsv: no such file, nor train\.tsv\.gz; .* holds nothing"):
        load_sentences("sst2", tmp_path)
