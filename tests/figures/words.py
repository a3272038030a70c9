"""What a figure says."""

import json


def words_of(figure) -> str:
    """All of a figure as text; plotly spells ``<`` otherwise in its JSON, where no test would find it."""
    return json.dumps(json.loads(figure.to_json()), ensure_ascii=False)
