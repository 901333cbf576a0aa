"""The one way out for numbers: preview, request, approve, run.

Running is: authorise -> stored answer if there is one -> charge every scope -> whose data may be read ->
bounded totals -> noise -> audit entry, durable -> answer. The charge is durable before any noise is drawn and the
entry before any number leaves. A crash in between stays paid; running again completes the release without paying
twice, which is safe because no earlier number had left. The same plan over the same data is answered from the
store at no cost; the replay is written down too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from policies.model import Decision
from privacy.dp.accuracy import CONFIDENCE, Accuracy
from privacy.dp.bounding import Population, exact_totals
from privacy.dp.budget import PrivacyLoss
from privacy.dp.query import digest_plan, format_plan, parse_plan_text
from privacy.dp.release import Cell, expected_accuracy, release_cells
from privacy.dp.schema import Query
