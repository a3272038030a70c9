"""Train a ResNet-20 on CIFAR-10, save its weights after every epoch, and track their change while it trains."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save

import layerlore as ll
from layerlore.storage import write_bytes
from layerlore.zoo import load_data, resnet20, train


def main() -> None:
    """Train; one file of weights for every epoch, the untrained network's among them, and the tracker's run."""
    options = _options()
    data = load_data("cifar10", options.data)
    torch.manual_seed(options.seed)
    model = resnet20(len(data.classes)).to(options.device)
    digits = len(str(options.epochs))

    def save_weights(epoch: int) -> None:
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
        write_bytes(options.out / f"epoch_{epoch:0{digits}d}.safetensors", save(weights))

    save_weights(0)
    with ll.WeightTracker(model, run=options.run, name="ResNet-20 on CIFAR-10", unit="epoch") as tracker:

        def after_epoch(epoch: int, right: float) -> None:
            save_weights(epoch)
            tracker.step(epoch)
            print(f"epoch {epoch:3d}  test accuracy {right:.4f}", flush=True)

        train(
            model,
            data,
            epochs=options.epochs,
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay,
            optimiser="sgd",
            seed=options.seed,
            augment="crop-flip",
            progress=after_epoch,
        )
    print(f"weights in {options.out}, what the tracker saw in {options.run}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of data_batch_*.bin and test_batch.bin")
    parser.add_argument("--out", type=Path, default=Path("checkpoints"), help="folder for the weights")
    parser.add_argument("--run", type=Path, default=Path("runs/cifar10_live"), help="run folder of the tracker")
    parser.add_argument("--epochs", type=int, default=6, help="passes over the training images")
    parser.add_argument("--learning-rate", type=float, default=0.1, help="of the first step, cosine to 0")
    parser.add_argument("--weight-decay", type=float, default=5e-4, help="L2 penalty")
    parser.add_argument("--seed", type=int, default=0, help="of the weights, the order and the augmentation")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="where to train")
    return parser.parse_args()


if __name__ == "__main__":
    main()
