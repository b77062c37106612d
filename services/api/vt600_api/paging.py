"""Pages by key, never by offset: each begins where the one before ended, at the same cost at any depth."""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Select, tuple_

Order = Literal["asc", "desc"]


def page_by_key(
    query: Select[Any], columns: Sequence[Any], after: Sequence[Any] | None, order: Order, limit: int
) -> Select[Any]:
    """The query's rows behind the key `after`, in the order of the columns that make the key; one more than `limit` when there are more."""
    key, first = tuple_(*columns), columns[0]
    # What is said of the first column follows from the rest, but by that alone TimescaleDB leaves out chunks and compressed batches.
    if after is not None and order == "asc":
        query = query.where(key > after, first >= after[0])
    elif after is not None:
        query = query.where(key < after, first <= after[0])
    by = columns if order == "asc" else [column.desc() for column in columns]
    return query.order_by(*by).limit(limit + 1)
