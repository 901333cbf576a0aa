"""What a report tells of: a furnished house in which an aggregate, segments, a model and scores were made."""

from __future__ import annotations

from fakes.house import House

from service.demo.run import PLAN
from service.usecases.model import approve_model, train_model
from service.usecases.profile import build_profiles
from service.usecases.release import approve_aggregate, request_aggregate, run_aggregate
from service.usecases.score import build_scores


def put_to_work(house: House) -> None:
    """Each by whoever may."""
    ann, paul, max_ = house.actor("ann"), house.actor("paul"), house.actor("max")
    asked = request_aggregate(PLAN, "regulatory_reporting", actor=ann, deps=house.deps)
    approve_aggregate(asked.id, actor=paul, deps=house.deps)
    run_aggregate(asked.id, actor=ann, deps=house.deps)
    build_profiles(actor=max_, deps=house.deps)
    train_model(actor=max_, deps=house.deps)
    approve_model("credit", 1, actor=paul, deps=house.deps)
    build_scores(actor=max_, deps=house.deps)
