"""Everything that the drill does."""

from __future__ import annotations

from dataclasses import dataclass

from support.drill import (
    limits,
    on_artifacts,
    on_bundles,
    on_identities,
    on_inputs,
    on_keys,
    on_policies,
    on_policy_files,
    on_published,
    on_records,
    on_records_before,
    on_runs,
    on_statements,
    on_step_signatures,
    variations,
)
from support.drill.model import Attack, Ground, Passing, Trial

_MODULES = (
    on_artifacts,
    on_bundles,
    on_keys,
    on_statements,
    on_identities,
    on_records,
    on_records_before,
    on_step_signatures,
    on_runs,
    on_published,
    on_policies,
    on_inputs,
    on_policy_files,
)
ATTACKS: tuple[Attack, ...] = tuple(one for module in _MODULES for one in module.attacks())
PASSING: tuple[Passing, ...] = (*variations.passing(), *limits.passing())


@dataclass(frozen=True)
class Case:
    """One attack as one victim sees it: one test."""

    attack: Attack
    trial: Trial

    def __str__(self) -> str:
        return f"{self.attack.name}, {self.trial.place}"


def cases(*grounds: Ground) -> list[Case]:
    """All cases on some grounds; those of one ground stand together."""
    found = [Case(attack, trial) for attack in ATTACKS for trial in attack.trials]
    return [case for ground in grounds for case in found if case.trial.ground is ground]


def passing(*grounds: Ground) -> list[Passing]:
    """All that must pass on some grounds."""
    return [one for ground in grounds for one in PASSING if one.ground is ground]
