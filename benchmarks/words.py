"""What explaining sentences costs beside the plain network: masked passes at all layers of a six-layer BERT.

    OMP_NUM_THREADS=1 python benchmarks/words.py
    python benchmarks/words.py --device cuda

A BERT of six layers and width 384 with random weights; a sentence of 10 words that are players, 24 tokens with the
special ones, punctuation, words of several tokens, and two of padding. Ours: masked inputs made, and the scores of the
embeddings, all blocks and the output, as `explain` computes them, a batch of coalitions at a time. Plain:
``model(**batch)`` on a batch of the same size, in turn. The ratio is the median over pairs of batches, in seconds of
processor time where the network is on a CPU, because other work on the machine comes and goes.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable

import torch

from layerlore.interactions.scoring import Scorer
from layerlore.networks import device_of, evaluating, read_out_size, to_model, trace
from layerlore.players import Samples, Words, coalition_table, masked_inputs
from layerlore.probes import network_digest
from layerlore.probes.probes import Probe, Probes, Quality

PAIRS = 9
N_PLAYERS = 10
WANTED = 0.85
SENTENCES = (
    "unwatchable films , however charming , rarely hold affecting must-see stories beyond opening scenes .",
    "great cast , charming story , affecting ending and honest , warm humour carry it .",
)
BLIND = Quality(0.0, 0.0, 0.0, 0.0)


def network() -> tuple[torch.nn.Module, Words]:
    """A BERT of random weights, and sentences as its tokenizer encodes them."""
    import transformers

    words = sorted({piece for sentence in SENTENCES for piece in sentence.replace("-", " - ").split()})
    split = {"unwatchable": ["un", "##watch", "##able"], "affecting": ["affect", "##ing"]}
    pieces = [piece for word in words for piece in split.get(word, [word])]
    names = dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces])
    tokenizer = transformers.BertTokenizerFast(vocab={name: number for number, name in enumerate(names)})
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    )
    model = transformers.BertForSequenceClassification(config).eval()
    return model, Words(tokenizer, SENTENCES, N_PLAYERS, max_length=24)


def random_probes(model: torch.nn.Module, words: Words, read_out: str) -> Probes:
    """Probes of the embeddings and all blocks; what they know does not matter for speed."""
    probes = []
    for layer, shape in trace(model, words.inputs).items():
        weight = torch.randn(2, read_out_size(read_out, shape)) / 100
        probes.append(Probe(layer, read_out, shape, weight, torch.zeros(2, dtype=torch.float64), 1.0, True, BLIND))
    identity = {"network": network_digest(model), "outputs": "logits"}
    return Probes(tuple(probes), 2, "cross_entropy", BLIND, 0.5, 1, None, identity)


def seconds(run: Callable[[], object], device: torch.device) -> float:
    """Processor time of a call, or wall-clock time where an accelerator does the work."""
    if device.type == "cpu":
        start = time.process_time()
        run()
        return time.process_time() - start
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    run()
    torch.cuda.synchronize(device)
    return time.perf_counter() - start


def batches_scored(model: torch.nn.Module, words: Words, probes: Probes, size: int) -> Callable[[], object]:
    """A call that scores the next batch of coalitions of the first sentence, again and again."""
    samples = Samples.of(words.inputs)
    baselines = words.baselines("[MASK]", samples)
    assert baselines is not None
    assert len(probes.layers) == 7
    scorer, plan = Scorer.of(model, probes, "log_odds"), words.plan(samples[0], 0)
    sample, baseline, target = to_model(model, samples[0]), to_model(model, baselines[0]), torch.tensor([1])
    starts = itertools.cycle(range(0, 1 << N_PLAYERS, size))
    device = device_of(model)

    def score() -> None:
        start = next(starts)
        table = coalition_table(N_PLAYERS, start, start + size, device)
        scorer.score_batch(masked_inputs(sample, baseline, plan, table), target)

    return score


def main() -> None:
    """Print the ratio of the two throughputs for flattened outputs and for first tokens."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, words = network()
    model.to(arguments.device)
    device, size = device_of(model), arguments.batch_size
    inputs = {name: part[:1].expand(size, -1).contiguous().to(device) for name, part in words.inputs.items()}
    print("| what | inputs/s | plain inputs/s | ratio | wanted | met |")
    print("|---|---|---|---|---|---|")
    for read_out in ("flatten", "cls"):
        ours = batches_scored(model, words, random_probes(model, words, read_out), size)
        pairs = []
        with evaluating(model):
            for number in range(arguments.pairs + 1):
                plain = seconds(lambda: model(**inputs), device)
                own = seconds(ours, device)
                if number:
                    pairs.append((own, plain))
        ratio = statistics.median(plain / own for own, plain in pairs)
        rates = [size / statistics.median(column) for column in zip(*pairs, strict=True)]
        met = "yes" if ratio >= WANTED else "NO"
        what = f"embeddings, 6 blocks and output, read-out {read_out}, batches of {size}, {device.type}"
        print(f"| {what} | {rates[0]:,.0f} | {rates[1]:,.0f} | {ratio:.3f} | {WANTED} | {met} |", flush=True)


if __name__ == "__main__":
    main()
