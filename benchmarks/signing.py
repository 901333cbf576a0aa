"""Sign a 12-page report for the long term and verify it offline, beside plain signatures of pyHanko itself.

CPU seconds of this process. The time-stamp authority (``openssl ts``) is another process, as it is in life.
"""

from __future__ import annotations

import io
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakes.authority import ROOT, SIGNER, Authority
from fakes.clock import FakeClock
from fakes.pades import document, long_term_verdict
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter

from audit.timestamp import stamp_query
from benchmarks.report import Row, interleaved
from service.adapters.keys.report_key import ReportKey

PAGES = 12
LIMIT = 4.0  # CPU seconds


def run() -> list[Row]:
    """Ours B-LTA signed and verified; the peer is pyHanko's own signer at level B-B."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        root, pdf = authority.certificate(ROOT), document(PAGES)
        keys, chain = authority.key_folder(SIGNER), authority.chain(SIGNER)
        key = ReportKey(
            keys, FakeClock(datetime.now(UTC)), chain, (authority.crl,),
            stamper=lambda sha256: authority.answer(stamp_query(sha256)),
        )  # fmt: skip
        files = str(keys / "report.pem"), str(authority.folder / f"{SIGNER}.pem")
        signer = signers.SimpleSigner.load(*files)  # type: ignore[no-untyped-call] # typed in part
        meta = signers.PdfSignatureMetadata(
            field_name="Signature", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
        )

        def plain() -> object:
            return signers.PdfSigner(meta, signer).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)))

        signed = key.sign(pdf)
        spent = interleaved(
            {
                "sign": lambda: key.sign(pdf),
                "verify": lambda: long_term_verdict(signed, root),
                "plain": plain,
            },
            rounds=9,
        )
        assert long_term_verdict(signed, root) == "OK"
        added, both = (len(signed) - len(pdf)) // 1024, spent["sign"] + spent["verify"]
        return [
            Row(
                what=f"PAdES B-LTA of {PAGES} pages, P-256: sign, then verify offline",
                ours=f"{spent['sign']:.3f} + {spent['verify']:.3f} CPU s, {added} KB more",
                peer=f"pyHanko's own signer, B-B, sign only: {spent['plain']:.3f} CPU s",
                ratio=both / spent["plain"],
                target=f"sign and verify within {LIMIT:.0f} CPU s",
                met=both <= LIMIT,
            )
        ]
