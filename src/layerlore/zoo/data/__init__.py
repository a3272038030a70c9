"""Readers of the data sets that the examples and studies use."""

from layerlore.zoo.data.load import load_data
from layerlore.zoo.data.sets import DataSets

__all__ = ["DataSets", "load_data"]
