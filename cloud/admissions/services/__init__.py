"""What happens to the gates' journals: ingest, occupancy, the check of the sums, cases; what they forbid."""

from cloud.admissions.services.check import check_day
from cloud.admissions.services.decide import close_case, reopen_case, review_case
from cloud.admissions.services.ingest import ingest
from cloud.admissions.services.nature import set_station_nature
from cloud.admissions.services.take_file import take_file

__all__ = ["check_day", "close_case", "ingest", "reopen_case", "review_case", "set_station_nature", "take_file"]
