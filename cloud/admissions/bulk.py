"""Many rows at once, the fast way of each database. Column lists, not model instances: the ingest's hot path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connection, models


def insert_new(model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Inserts rows, leaving alone those a unique constraint already knows.

    `columns` are attribute names ("edge_id"); values are Python's: aware datetimes, bytes, ints.
    """
    if not rows:
        return
    fields = [_field(model, column) for column in columns]
    if connection.vendor == "postgresql":
        names = _names(fields)
        _postgres(
            f"INSERT INTO {_table(model)} ({names}) SELECT * FROM {_unnest(fields)} ON CONFLICT DO NOTHING",  # noqa: S608
            rows,
        )
        return
    # OR IGNORE would also swallow NULLs and failed checks; a conflict clause is about uniqueness alone.
    marks = ", ".join(["%s"] * len(fields))
    _many(
        f"INSERT INTO {_table(model)} ({_names(fields)}) VALUES ({marks}) ON CONFLICT DO NOTHING",  # noqa: S608
        fields,
        rows,
    )


def update_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Sets columns of existing rows; the first column is the primary key."""
    if not rows:
        return
    fields = [_field(model, column) for column in columns]
    key, values = fields[0], fields[1:]
    if connection.vendor == "postgresql":
        given = ", ".join(f"{_quote(field.column)} = given.{_quote(field.column)}" for field in values)
        _postgres(
            f"UPDATE {_table(model)} AS kept SET {given} "  # noqa: S608
            f"FROM {_unnest(fields)} AS given ({_names(fields)}) "
            f"WHERE kept.{_quote(key.column)} = given.{_quote(key.column)}",
            rows,
        )
        return
    given = ", ".join(f"{_quote(field.column)} = %s" for field in values)
    _many(
        f"UPDATE {_table(model)} SET {given} WHERE {_quote(key.column)} = %s",  # noqa: S608
        [*values, key],
        [[*row[1:], row[0]] for row in rows],
    )


def _postgres(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """One statement with an array a column, sent in binary. Django's own cursor would write them into the text."""
    connection.ensure_connection()
    columns = [list(column) for column in zip(*rows, strict=True)]
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, columns, binary=True)


def _many(sql: str, fields: Sequence[models.Field[Any, Any]], rows: Sequence[Sequence[Any]]) -> None:
    adapted = [
        [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)] for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(sql, adapted)


def _unnest(fields: Sequence[models.Field[Any, Any]]) -> str:
    arrays = ", ".join(f"%b::{_array_type(field)}[]" for field in fields)
    return f"unnest({arrays})"


def _array_type(field: models.Field[Any, Any]) -> str:
    """A cast without a length: "varchar(12)[]" would cut silently what is too long."""
    target = field.target_field if field.is_relation else field  # type: ignore[attr-defined]
    kind = target.rel_db_type(connection) if field.is_relation else target.db_type(connection)
    return str(kind).split("(", 1)[0]


def _field(model: type[models.Model], column: str) -> models.Field[Any, Any]:
    return next(field for field in model._meta.concrete_fields if field.attname == column)


def _names(fields: Sequence[models.Field[Any, Any]]) -> str:
    return ", ".join(_quote(field.column) for field in fields)


def _table(model: type[models.Model]) -> str:
    return _quote(model._meta.db_table)


def _quote(name: str) -> str:
    return connection.ops.quote_name(name)
