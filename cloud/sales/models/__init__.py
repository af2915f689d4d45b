"""The tables of sales: orders and their tickets, who visits, how many anybody bought, what was given back."""

from cloud.sales.models.orders import Order, OrderLine, OrderUnit, Visitor
from cloud.sales.models.quotas import Quota, QuotaEntry
from cloud.sales.models.refunds import MoneyBack, RefundCase, RefundUnit

__all__ = [
    "MoneyBack",
    "Order",
    "OrderLine",
    "OrderUnit",
    "Quota",
    "QuotaEntry",
    "RefundCase",
    "RefundUnit",
    "Visitor",
]
