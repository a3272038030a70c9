"""Readers of the data sets that the examples and studies use."""

from layerlore.zoo.data.load import DATA, SENTENCES, SOURCES, Source, load_data, load_sentences
from layerlore.zoo.data.sets import DataSets, Sentences, TableSets

__all__ = [
    "DATA",
    "SENTENCES",
    "SOURCES",
    "DataSets",
    "Sentences",
    "Source",
    "TableSets",
    "load_data",
    "load_sentences",
]
