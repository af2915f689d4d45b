"""Ticket categories (T-02, T-03): where a spec stands when somebody chooses what to sell."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Max

from cloud.catalog.models import Category, Spec
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, required_text, within
from cloud.core.locks import lock_row, lock_rows
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue

MAX_NAME = 30
MAX_POSITION = 10_000


@transaction.atomic
def create_category(
    *, actor: Actor, venue: Venue, name_zh: str, name_en: str = "", position: int | None = None, for_sale: bool = True
) -> Category:
    """At once to be chosen in every form. `position` none: behind the others.

    Raises:
        DomainError: "category.name" (taken), "input.*", "permission.denied".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    lock_row(Venue, venue.pk)
    if position is None:
        position = (Category.objects.aggregate(last=Max("position"))["last"] or 0) + 1
    category = Category(venue=venue, for_sale=for_sale)
    _write(category, name_zh, name_en, position)
    audit.write(actor, "category.create", category, venue, name=category.name_zh)
    return category


@transaction.atomic
def edit_category(
    *, actor: Actor, venue: Venue, category: Category, name_zh: str, name_en: str, position: int, for_sale: bool
) -> Category:
    """Raises DomainError "category.name" (taken), "input.*", "row.gone", "permission.denied"."""
    require(actor, Permission.PRODUCT_MANAGE, venue)
    category = lock_row(Category, category.pk)
    before = (category.name_zh, category.name_en, category.position, category.for_sale)
    category.for_sale = for_sale
    _write(category, name_zh, name_en, position)
    after = (category.name_zh, category.name_en, category.position, category.for_sale)
    if after != before:
        audit.write(actor, "category.edit", category, venue, before=list(before), after=list(after))
    return category


@transaction.atomic
def set_category_for_sale(*, actor: Actor, venue: Venue, category: Category, for_sale: bool) -> Category:
    """Shows its specs where tickets are sold, or hides them there. What is sold is verified as before (T-03).

    Raises:
        DomainError: "row.gone", "permission.denied".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    category = lock_row(Category, category.pk)
    if category.for_sale != for_sale:
        category.for_sale = for_sale
        category.save(update_fields=["for_sale"])
        audit.write(actor, "category.sale", category, venue, name=category.name_zh, for_sale=for_sale)
    return category


@transaction.atomic
def move_specs(*, actor: Actor, venue: Venue, category: Category, to: Category) -> int:
    """Gives all specs of a category to another. Returns how many.

    Raises:
        DomainError: "category.same", "row.gone", "permission.denied".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    if category.pk == to.pk:
        raise DomainError("category.same", "请选择另一个分类。", "Choose another category.", "to")
    lock_rows(Category, (category.pk, to.pk))
    count = Spec.objects.filter(category=category).update(category=to)
    if count:
        audit.write(actor, "category.move", category, venue, name=category.name_zh, to=to.name_zh, specs=count)
    return count


@transaction.atomic
def delete_category(*, actor: Actor, venue: Venue, category: Category) -> None:
    """Removes one that no spec names.

    Raises:
        DomainError: "category.used": move its specs or hide it; "row.gone", "permission.denied".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    category = lock_row(Category, category.pk)
    count = category.specs.count()
    if count:
        raise DomainError(
            "category.used",
            f"“{category.name_zh}”有 {count} 个规格在用，不能删除。可先把它们移到别的分类，或设为销售不可见。",
            f"{count} specs are in {category.name_en or category.name_zh}: move them to another category, "
            "or make this one not visible for sale.",
        )
    audit.write(actor, "category.delete", category, venue, name=category.name_zh)
    category.delete()


def _write(category: Category, name_zh: str, name_en: str, position: int) -> None:
    category.name_zh = required_text(name_zh, "name_zh", MAX_NAME)
    category.name_en = optional_text(name_en, "name_en", MAX_NAME)
    category.position = within(position, "position", 0, MAX_POSITION)
    try:
        with transaction.atomic():
            category.save()
    except IntegrityError:
        raise DomainError(
            "category.name",
            f"“{category.name_zh}”已存在。",
            f"There is a category {category.name_zh} already.",
            "name_zh",
        ) from None
