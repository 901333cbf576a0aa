"""Ways to get a detector that are wrong: what a contract asks for is not what reads its texts."""

from __future__ import annotations

from fakes.detectors import without_models

from privacy.pii.detect import Detector, build_detector
from service.domain.contracts import TextProfile
from service.errors import UsageError


def always_fast(_profile: TextProfile) -> Detector:
    """Does not look at the profile."""
    return build_detector()


def falls_back(profile: TextProfile) -> Detector:
    """Takes the rules alone where the models are not installed, as ``pii scan`` does without a profile."""
    try:
        return without_models(profile)
    except UsageError:
        return build_detector()
