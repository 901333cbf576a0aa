"""The privacy unit: one customer with all rows, added or removed.

Two collections of tables are neighbours when one becomes the other by removing every row of one customer from
every table. All sensitivities in this package are about such neighbours; the customer is found by the storage
pseudonym, so rows of several datasets belong to the same unit.
"""

from typing import Final

CUSTOMER: Final = "_sp"  # the column that names the unit in every table
