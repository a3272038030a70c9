"""A small study folder with real runs in it, and claims with each verdict."""

import numpy as np

from layerlore.dynamics.history import History
from layerlore.zoo.studies.evidence import Evidence
from layerlore.zoo.studies.result import Study
from layerlore.zoo.studies.verdict import Statement, corrected, judged, undecided
from report.tiny import tiny

HOSTILE = "</td><script>alert(1)</script> | <img src=x>"
VERSIONS = {"layerlore": "0.1", "torch": "2"}


def three_claims(network="mlp7"):
    """One that holds, one that does not, and one that could not be tested."""
    return corrected(
        [
            judged(
                Statement("first", "low orders are stronger", "Cheng et al.", network, "share", "about 0.5"),
                Evidence(0.4321, 0.21, 0.654, 0.0002, 20, "a sign-flip test"),
                "the contrast",
            ),
            judged(
                Statement("second", "redundancy rises", "Cheng et al.", network, "per depth"),
                Evidence(-0.777, -0.9, -0.6, 0.0011, 20, "a sign-flip test"),
                "the slope",
            ),
            undecided(Statement("third", "layers are used late", "Agrawal et al."), "nothing was trained on SVHN"),
        ]
    )


def saved(folder, *, name="mlp7", title="MLP-7", claims=None, runs=True, **changes):
    """A layerwise study in a folder; with the run of its network unless ``runs`` is False."""
    if runs:
        tiny("table").save(folder / "mlp7")
    entry = {"name": name, "title": title, "accuracy": 0.9173, "seconds": 12.5, "n_test": 100, "run": "mlp7"}
    study = Study(
        study="layerwise",
        command="layerlore study layerwise --networks mlp7 --data mnist --root DIR",
        settings={"samples": 20, "n_players": 10, "kappas": [0.03, 0.04]},
        data={"name": "mnist", "n_train": 60000, "classes": [str(n) for n in range(10)]},
        networks=(entry,),
        claims=three_claims() if claims is None else claims,
        notes=("one split missed its tolerance",),
        versions=VERSIONS,
    )
    return Study(**(vars(study) | changes)).save(folder)


def saved_training(folder):
    """A weightscale study with one training."""
    rng = np.random.default_rng(0)
    history = History.from_table([f"layer{n}" for n in range(8)], np.exp(rng.normal(size=(8, 6))), measure="rwc_l1")
    history.save(folder / "resnet20_digits_0_training")
    entry = {"name": "resnet20_digits_0", "title": "resnet20 on digits, seed 0", "accuracy": 0.8, "data": "digits"}
    entry |= {"run": "resnet20_digits_0_training", "trends": {"n": 2, "outliers": 0}}
    return saved(folder, runs=False, study="weightscale", networks=(entry,), data={"digits": {"n_train": 1500}})
