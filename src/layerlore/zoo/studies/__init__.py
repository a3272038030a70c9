"""The papers' studies as commands: train, look at every layer, and test what the papers claim."""
