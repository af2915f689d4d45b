"""Setting up what is sold, one use-case a file. Each checks the permission, locks the product and writes the audit.

What gates must hear of (stations, rules that a gate reads by itself) is changed by cloud.entitlements.live_services.
"""

from cloud.catalog.product_services.basics import set_basics
from cloud.catalog.product_services.categories import (
    create_category,
    delete_category,
    edit_category,
    move_specs,
    set_category_for_sale,
)
from cloud.catalog.product_services.copy import copy_product
from cloud.catalog.product_services.draft import create_draft
from cloud.catalog.product_services.media import add_media, remove_media, sort_media
from cloud.catalog.product_services.places import create_place, delete_place, edit_place
from cloud.catalog.product_services.prices import Change, change_prices, set_category
from cloud.catalog.product_services.publish import Publishing, publish, set_publishing
from cloud.catalog.product_services.settings import set_sale_settings, soon_days
from cloud.catalog.product_services.specs import SpecInput, set_specs
from cloud.catalog.product_services.terms import set_refund_rules
from cloud.catalog.product_services.texts import set_texts

__all__ = [
    "Change",
    "Publishing",
    "SpecInput",
    "add_media",
    "change_prices",
    "copy_product",
    "create_category",
    "create_draft",
    "create_place",
    "delete_category",
    "delete_place",
    "edit_category",
    "edit_place",
    "move_specs",
    "publish",
    "remove_media",
    "set_basics",
    "set_category",
    "set_category_for_sale",
    "set_publishing",
    "set_refund_rules",
    "set_sale_settings",
    "set_specs",
    "set_texts",
    "soon_days",
    "sort_media",
]
