"""The tables of what is sold, and the immutable snapshots a sale names."""

from cloud.catalog.models.media import ProductMedia
from cloud.catalog.models.parts import CardPart, PackagePart
from cloud.catalog.models.place import Place, SaleSettings
from cloud.catalog.models.product import ProductStation, TicketProduct
from cloud.catalog.models.snapshots import RuleSnapshot, TermsSnapshot
from cloud.catalog.models.spec import CalendarCell, Category, Spec
from cloud.catalog.models.station_lists import DeviceProduct, StationCollect, StationSale

__all__ = [
    "CalendarCell",
    "CardPart",
    "Category",
    "DeviceProduct",
    "PackagePart",
    "Place",
    "ProductMedia",
    "ProductStation",
    "RuleSnapshot",
    "SaleSettings",
    "Spec",
    "StationCollect",
    "StationSale",
    "TermsSnapshot",
    "TicketProduct",
]
