"""Run folders: arrays on disk that know what produced them, and are never half-written."""

from layerlore.storage.atomic import publish_folder, write_bytes, write_json, write_text
from layerlore.storage.digests import digest_array, digest_json, digest_tensors, row_bytes
from layerlore.storage.run import Run, read_manifest

__all__ = [
    "Run",
    "digest_array",
    "digest_json",
    "digest_tensors",
    "publish_folder",
    "read_manifest",
    "row_bytes",
    "write_bytes",
    "write_json",
    "write_text",
]
