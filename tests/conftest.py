"""Settings shared by all tests."""

import torch
from hypothesis import settings

# The same examples everywhere, and no failure because a machine is busy.
settings.register_profile("layerlore", deadline=None, derandomize=True)
settings.load_profile("layerlore")

# Several threads in each of several test processes make small operations many times slower.
torch.set_num_threads(1)
