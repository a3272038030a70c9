"""LayerLore: what every layer of a neural network knows, when it learned it, and what it forgets."""

from layerlore.interactions.moebius import moebius, or_effects, or_zeta, reconstruct, zeta

__version__ = "0.1.0"

__all__ = ["__version__", "moebius", "or_effects", "or_zeta", "reconstruct", "zeta"]
