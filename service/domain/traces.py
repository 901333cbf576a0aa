"""The trace that a request belongs to (W3C Trace Context): its id alone, to find the request elsewhere.

>>> parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
'0af7651916cd43dd8448eb211c80319c'
>>> parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01")
''
"""

from __future__ import annotations

import re
from typing import Final

_FORM: Final = re.compile(  # version ff is invalid; only a version after 00 may say more than this
    "(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)


def parse_traceparent(*headers: str) -> str:
    """The trace id, 32 hex digits; nothing when there is no header, more than one, or a malformed one."""
    found = _FORM.fullmatch(headers[0]) if len(headers) == 1 else None
    return found[1] if found else ""
