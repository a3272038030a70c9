"""Linear probes: what can be read off each layer by a linear map."""

from layerlore.probes.fit import PENALTIES, fit_probes
from layerlore.probes.probes import Probe, Probes, Quality, network_digest
from layerlore.probes.quality import chance_notes, poor

__all__ = ["PENALTIES", "Probe", "Probes", "Quality", "chance_notes", "fit_probes", "network_digest", "poor"]
