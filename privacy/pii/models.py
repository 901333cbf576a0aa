"""Model files, pinned: every file is hashed before a byte of it is used, and used as the bytes hashed.

The ``accurate`` profile reads the files of two installed packages that ``models.json`` names with their
hashes. The packages' own code is never imported: files go to the ONNX runtime as bytes, so nothing is looked
up by name and nothing can be downloaded. An operator's model comes as a directory and the hash of each file:

>>> ModelFiles(Path("/nowhere"), {"model.onnx": "0" * 64}).read()
Traceback (most recent call last):
privacy.errors.ModelMissingError: model file model.onnx is missing
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from privacy.errors import ModelAlteredError, ModelMissingError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where the files of a model are, and what they must be.

    Attributes:
        directory: an absolute path.
        sha256: for each file, by its path within the directory, the digest in hexadecimal.
    """

    directory: Path
    sha256: Mapping[str, str]

    def read(self) -> Mapping[str, bytes]:
        """The checked content of every file, by the file's name without folders.

        Raises:
            ModelMissingError: a file is not there.
            ModelAlteredError: a file is not the one that was pinned.
        """
        return MappingProxyType({Path(name).name: self._checked(name) for name in self.sha256})

    def copy(self, target: str) -> None:
        """Write the checked content into a directory, for software that opens files by their paths.

        Raises:
            ModelMissingError, ModelAlteredError: a file is not there, or another.
        """
        for name in self.sha256:
            place = Path(target, name)
            if ".." in place.parts or Path(name).is_absolute():
                raise ModelMissingError(name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(self._checked(name))

    def _checked(self, name: str) -> bytes:
        try:
            data = (self.directory / name).read_bytes()
        except OSError:
            raise ModelMissingError(name) from None
        if hashlib.sha256(data).hexdigest() != self.sha256[name].lower():
            raise ModelAlteredError(name)
        return data


def installed(model: str) -> ModelFiles:
    """The files of a model in ``models.json``.

    Raises:
        ModelMissingError: the package that holds it is not installed (extra ``accurate``).
    """
    pin: Final = json.loads(files("privacy.pii").joinpath("models.json").read_text("utf-8"))[model]
    try:
        package = distribution(pin["distribution"])
    except PackageNotFoundError:
        raise ModelMissingError(model) from None
    return ModelFiles(Path(str(package.locate_file(pin["folder"]))), pin["files"])


def from_manifest(directory: Path, manifest: str) -> ModelFiles:
    """An operator's model with the digests that ``sha256sum`` wrote: one line ``digest  path`` a file.

    Raises:
        ModelMissingError: a line is none of those, or there is no line.
    """
    lines = [line.split(maxsplit=1) for line in manifest.splitlines() if line.strip()]
    if not lines or any(len(line) < 2 for line in lines):  # noqa: PLR2004 - digest and path
        raise ModelMissingError("manifest")
    return ModelFiles(directory, {path.lstrip("*").removeprefix("./"): digest for digest, path in lines})


def session(model: bytes) -> InferenceSession:
    """An inference session on one processor core.

    Raises:
        ModelMissingError: the runtime is not installed (extra ``accurate``).
    """
    try:
        import onnxruntime  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError:
        raise ModelMissingError("onnxruntime") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
