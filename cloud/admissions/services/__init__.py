"""What happens to the gates' journals: ingest, occupancy, the check of the sums."""

from cloud.admissions.services.check import check_day
from cloud.admissions.services.ingest import ingest

__all__ = ["check_day", "ingest"]
