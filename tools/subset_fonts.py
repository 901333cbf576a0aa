"""Cut Noto Sans SC (SIL OFL 1.1) down to what reports need: GB 2312, punctuation, Latin.

The regular weight has both levels of GB 2312, the bold one the first; a rare character in a heading is then
set in regular rather than not at all.

    npm pack @expo-google-fonts/noto-sans-sc && tar xzf expo-google-fonts-noto-sans-sc-*.tgz
    python -m venv /tmp/fonts && /tmp/fonts/bin/pip install fonttools
    /tmp/fonts/bin/python tools/subset_fonts.py package

Reads static TrueType files of the weights below from the unpacked package and writes to
``service/reporting/fonts``. The result is the same on every run.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

from fontTools import subset
from fontTools.ttLib import TTFont

TARGET: Final = Path(__file__).parent.parent / "service" / "reporting" / "fonts"
#: Weight to file and last row of GB 2312: level 1 ends with row 55, level 2 with row 87.
WEIGHTS: Final = {
    "Regular": ("400Regular/NotoSansSC_400Regular.ttf", 87),
    "Bold": ("700Bold/NotoSansSC_700Bold.ttf", 55),
}
EXTRA: Final = "阈–—‘’“”…·•×÷±≤≥≠≈→√ε‰′″∑ρδ§©®℃№□■○●△▲▼◆◇"


def characters(last_row: int) -> set[int]:
    """ASCII, Latin-1, GB 2312 rows 1 (punctuation), 3 (full width) and hanzi from row 16 on."""
    found = {*range(0x20, 0x7F), *range(0xA0, 0x100), *map(ord, EXTRA)}
    for row in (1, 3, *range(16, last_row + 1)):
        for cell in range(1, 95):
            try:
                found.add(ord(bytes((0xA0 + row, 0xA0 + cell)).decode("gb2312")))
            except UnicodeDecodeError:  # a gap of the standard
                continue
    return found


def cut(source: Path, target: Path, last_row: int) -> None:
    """Subset one file, without hinting, keeping what sets tabular figures and kerning."""
    options = subset.Options()
    options.hinting = False
    options.layout_features = ["kern", "mark", "mkmk", "ccmp", "locl", "tnum"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    font = TTFont(source, recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters(last_row))
    subsetter.subset(font)
    font.save(target)


def main(package: Path) -> None:
    """Write the subsets and the licence beside them."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for weight, (path, last_row) in WEIGHTS.items():
        target = TARGET / f"NotoSansSC-{weight}.subset.ttf"
        cut(package / path, target, last_row)
        print(target.name, target.stat().st_size)
    shutil.copyfile(package / "LICENSE_FONT", TARGET / "OFL.txt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
