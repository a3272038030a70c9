"""Interactions: transforms, sparsest splits, ledgers, and the pipeline from a network to `Knowledge`."""
