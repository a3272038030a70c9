"""The live page: a folder of runs in, a small server out that follows those still being written."""

from layerlore.app.server import build, serve, serving

__all__ = ["build", "serve", "serving"]
