"""What is imported is what is in this repository, and nothing dangerous came along."""

import importlib.metadata
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("package", ["audit", "privacy", "policies", "service"])
def test_packages_resolve_inside_the_repository(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT)


def test_one_distribution_owns_casbin_and_it_is_pycasbin() -> None:
    assert importlib.metadata.packages_distributions()["casbin"] == ["pycasbin"]
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.distribution("casbin")


def test_lock_files_carry_hashes_and_no_address() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text
        assert "--index" not in text


def test_security_floors_hold() -> None:
    """Below 1.0.8 simpleeval has sandbox escapes; pycasbin's own floor would allow them."""
    version = tuple(int(part) for part in importlib.metadata.version("simpleeval").split("."))
    assert version >= (1, 0, 8)
