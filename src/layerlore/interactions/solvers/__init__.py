"""Solvers of the sparsest split: the certified one, and the published one for comparison."""
