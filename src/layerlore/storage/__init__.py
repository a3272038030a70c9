"""Run folders: arrays on disk that know what produced them, and are never half-written."""

from layerlore.storage.atomic import publish_folder, write_bytes, write_json, write_text
from layerlore.storage.digests import digest_array, digest_json, digest_tensors, row_bytes
from layerlore.storage.lines import LineFile, as_number, read_lines
from layerlore.storage.run import FORMAT, MANIFEST, Run, differences, manifest_of, read_manifest

__all__ = [
    "FORMAT",
    "MANIFEST",
    "LineFile",
    "Run",
    "as_number",
    "differences",
    "digest_array",
    "digest_json",
    "digest_tensors",
    "manifest_of",
    "publish_folder",
    "read_lines",
    "read_manifest",
    "row_bytes",
    "write_bytes",
    "write_json",
    "write_text",
]
