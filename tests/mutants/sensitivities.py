"""Claims about sensitivity that are wrong in the ways people get them wrong."""

from privacy.dp.schema import WEIGHT, Query, Total


def without_months(query: Query, total: Total) -> int:
    """Forgets that a customer is there every month: the factor sqrt(periods) is missing."""
    return int((WEIGHT * query.plan.rows_per_month * total.magnitude) ** 2)


def months_always_apart(query: Query, total: Total) -> int:
    """Takes a customer's months to lie in different cells, also when month is not a key."""
    return without_months(query, total) * query.n_periods


def upper_bound_only(query: Query, total: Total) -> int:
    """Forgets that a negative amount moves a sum too."""
    month = WEIGHT * query.plan.rows_per_month * total.upper
    return int(month**2 * query.n_periods) if query.by_month else int((month * query.n_periods) ** 2)


def one_row(query: Query, total: Total) -> int:
    """Forgets that several rows of a month count."""
    factor = query.n_periods if query.by_month else query.n_periods**2
    return int((WEIGHT * total.magnitude) ** 2 * factor)
