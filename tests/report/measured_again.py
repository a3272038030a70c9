"""A stability and an agreement that belong to a run, as other commands leave them with it."""

import dataclasses

from figures.results import agreement, stability


def steady(knowledge, **changes):
    """A stability of this run, but for what is changed."""
    identity = {name: knowledge.manifest["identity"][name] for name in ("network", "probes", "inputs", "players")}
    identity |= {"baseline": knowledge.manifest["identity"]["baseline"]} | changes
    settings = {"identity": identity, "split": knowledge.manifest["identity"]["split"], "sigma": 0.02, "draws": 5}
    return dataclasses.replace(stability(("tanh2", "output")), settings=settings)


def shared(knowledge, **changes):
    """An agreement of this run with two others."""
    settings = {"n_samples": knowledge.n_samples, "n_players": knowledge.n_players}
    settings |= {"layers": {"mlp": "tanh2", "vgg": "conv", "resnet": "output"}} | changes
    return dataclasses.replace(agreement(), settings=settings)
