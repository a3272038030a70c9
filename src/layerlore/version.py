"""The version of LayerLore."""

__version__ = "0.1.0"
