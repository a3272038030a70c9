"""Runs cells in a real kernel of Jupyter and prints, as JSON, what came back from each.

A program of its own, so that the kernel's threads and sockets are not those of the tests.
"""

import json
import sys

import nbformat
from nbclient import NotebookClient


class Listening(NotebookClient):
    """Keeps messages as they come: a notebook keeps only the last of an output that is replaced."""

    def __init__(self, notebook, **options):
        super().__init__(notebook, **options)
        self.heard = [[] for _ in notebook.cells]

    def process_message(self, msg, cell, cell_index):
        """Keep the message, then do what a notebook does with it."""
        content = msg["content"]
        kept = {key: content[key] for key in ("data", "text", "transient", "traceback") if key in content}
        self.heard[cell_index].append({"type": msg["msg_type"]} | kept)
        return super().process_message(msg, cell, cell_index)


if __name__ == "__main__":
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in json.load(sys.stdin)])
    client = Listening(notebook, timeout=240, kernel_name="python3", allow_errors=True)
    client.execute()
    json.dump(client.heard, sys.stdout)
