"""Train a ResNet-20 on CIFAR-10 and save its weights."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from layerlore.storage import write_bytes
from layerlore.zoo import accuracy, load_data, resnet20, train


def main() -> None:
    """Train, save, read back, and print the test accuracy."""
    options = _options()
    data = load_data("cifar10", options.data)
    torch.manual_seed(options.seed)
    model = train(
        resnet20(len(data.classes)).to(options.device),
        data,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        optimiser=options.optimiser,
        seed=options.seed,
        augment="crop-flip",
        progress=lambda epoch, right: print(f"epoch {epoch:3d}  test accuracy {right:.4f}", flush=True),
    )
    save_atomically(model, options.out)
    share = accuracy(model, data.test)
    model.load_state_dict(load_file(options.out))
    assert accuracy(model, data.test) == share, "the saved weights are not those that were trained"
    print(f"test accuracy {share:.4f}, weights in {options.out}")


def save_atomically(model: torch.nn.Module, path: Path) -> None:
    """Write the weights under another name first, so that no reader ever meets half a file."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    write_bytes(path, save(weights))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of data_batch_*.bin and test_batch.bin")
    parser.add_argument("--out", type=Path, default=Path("weights.safetensors"), help="where to write the weights")
    parser.add_argument("--epochs", type=int, default=12, help="passes over the training images")
    parser.add_argument("--batch-size", type=int, default=128, help="images in a step")
    parser.add_argument("--optimiser", choices=("adam", "sgd"), default="sgd", help="sgd has momentum 0.9")
    parser.add_argument("--learning-rate", type=float, default=0.1, help="of the first step, cosine to 0")
    parser.add_argument("--weight-decay", type=float, default=5e-4, help="L2 penalty")
    parser.add_argument("--seed", type=int, default=0, help="of the weights, the order and the augmentation")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="where to train")
    return parser.parse_args()


if __name__ == "__main__":
    main()
