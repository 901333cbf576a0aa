"""Detectors as a service has them on which ``make accurate`` was never run."""

from __future__ import annotations

from privacy.pii.detect import Detector, build_detector
from service.domain.contracts import TextProfile
from service.errors import UsageError


def without_models(profile: TextProfile) -> Detector:
    """Rules, and what the service says when models are asked for."""
    if profile is TextProfile.ACCURATE:
        raise UsageError("this profile needs the extra `accurate`: make accurate", missing="lac")
    return build_detector()
