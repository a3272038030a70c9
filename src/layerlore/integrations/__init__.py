"""Weight tracking in other libraries' training loops and logs; results as their objects (see `layerlore.registry`)."""
