"""Strangers' verdicts on a signed PDF: pyHanko's long-term validation, offline, and poppler's ``pdfsig``."""

from __future__ import annotations

import asyncio
import functools
import io
import logging
import os
import subprocess
from pathlib import Path
from typing import Any

import typst
from asn1crypto import pem, x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.validation import ades
from pyhanko.sign.validation.policy_decl import (
    CertificateFetchingRule,
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager


@functools.cache
def document(pages: int = 1) -> bytes:
    """An unsigned PDF/A-3b."""
    text = "\n#pagebreak()\n".join(f"Page {page} #lorem(300)" for page in range(pages))
    return typst.compile(text.encode(), pdf_standards=["a-3b"], timestamp=1_793_664_000)


def long_term_verdict(pdf: bytes, root: bytes) -> str:
    """How the first signature fares under AdES LTA validation with one trusted root (PEM) and no network."""
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    trusted: Any = x509.Certificate.load(pem.unarmor(root)[2])
    spec = SignatureValidationSpec(
        CertValidationPolicySpec(
            trust_manager=SimpleTrustManager.build([trusted]),
            revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
        ),
        revinfo_gathering_policy=RevocationInfoGatheringSpec(
            online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY,
            certificate_fetching_rule=CertificateFetchingRule.NEVER_FETCH,
        ),
    )
    try:
        signature = PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures[0]
        found = asyncio.run(ades.ades_lta_validation(signature, PdfSignatureValidationSpec(spec)))
    except (PdfError, ValueError, IndexError, KeyError, TypeError) as error:
        return type(error).__name__
    return "OK" if found.ades_subindic is AdESPassed.OK else str(found.ades_subindic)


def pdfsig(pdf: bytes, folder: Path) -> str:
    """What poppler says."""
    path = folder / "signed.pdf"
    path.write_bytes(pdf)
    environment = {**os.environ, "TZ": "UTC"}
    return subprocess.run(
        ["pdfsig", str(path)], capture_output=True, text=True, check=False, env=environment
    ).stdout
