"""Reads the file of an offline Weights & Biases run: a header, then a LevelDB log of messages."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path

BLOCK = 32768
HEADER = 7


def messages(content: bytes) -> Iterator[bytes]:
    """The messages, each put together from its parts (1: whole, 2: first, 3: middle, 4: last)."""
    place, message = HEADER, b""
    while place + HEADER <= len(content):
        if BLOCK - place % BLOCK < HEADER:
            place += BLOCK - place % BLOCK
            continue
        _, length, part = struct.unpack("<IHB", content[place : place + HEADER])
        if place + HEADER + length > len(content):
            return
        message += content[place + HEADER : place + HEADER + length]
        place += HEADER + length
        if part in (1, 4):
            yield message
            message = b""


def logged_rows(file: Path, patience: float = 60) -> list[dict[str, float]]:
    """What was logged, row by row, without W&B's own entries.

    W&B's own process writes the file, and can be a moment late: the run is whole when its exit is in the file.
    """
    from wandb.proto import wandb_internal_pb2

    limit = time.monotonic() + patience
    while time.monotonic() < limit:
        records = []
        for message in messages(file.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(message)
            records.append(record)
        if records and records[-1].WhichOneof("record_type") == "exit":
            return [_row(record) for record in records if record.WhichOneof("record_type") == "history"]
        time.sleep(0.02)
    raise AssertionError(f"{file} was not finished in {patience} seconds")


def _row(record) -> dict[str, float]:
    items = {item.key or ".".join(item.nested_key): item.value_json for item in record.history.item}
    return {key: json.loads(value) for key, value in items.items() if not key.startswith("_")}
