"""What every test shares: how much the property tests try.

PAIFANG_LONG=1 (`make test-long`) gives each of them the full count.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("quick", max_examples=60, deadline=None, suppress_health_check=_SLOW_MACHINE, database=None)
settings.register_profile("long", max_examples=5000, deadline=None, suppress_health_check=_SLOW_MACHINE, database=None)
settings.load_profile("long" if os.environ.get("PAIFANG_LONG") == "1" else "quick")
