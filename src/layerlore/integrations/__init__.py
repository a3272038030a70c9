"""Results as the objects of other libraries; reached through `layerlore.registry`."""
