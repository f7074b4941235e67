"""What a run was asked to do, kept in its folder so that `--resume` needs nothing else."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hdrfuse.errors import BadInputError
from hdrfuse.formats.atomic import replacing
from hdrfuse.training.recipe import Recipe

PLAN = "plan.json"
FORMAT = "hdrfuse-plan-1"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe and what it is cooked from; folders and files are absolute."""

    recipe: Recipe
    dataset: str = "synthetic"
    data: tuple[str, ...] = ()
    movers: tuple[str, ...] = ()
    cache: str | None = None
    """Folder of the decoded images; None for one inside the run's."""
    stage1: str | None = None
    """Folder of the stage-1 run, for stages that follow it."""
    start: str | None = None
    """Weights that the network starts from."""
    vgg: str | None = None
    validation_brackets: int = 20

    def save(self, folder: Path) -> None:
        """Write the plan into a run's folder. Raises WriteError."""
        with replacing(folder / PLAN, overwrite=True) as temporary:
            temporary.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n")

    def differences(self, other: "Plan") -> list[str]:
        """Name what another plan has otherwise: field, own value, the other's."""
        return [
            f"{name} {mine} -> {other.facts()[name]}" for name, mine in self.facts().items()
            if mine != other.facts()[name]
        ]  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """Return all fields in one level, those of the recipe among them."""
        facts = {name: value for name, value in asdict(self).items() if name != "recipe"}
        return {**asdict(self.recipe), **facts}


def load_plan(folder: Path) -> Plan | None:
    """Return the plan of a run's folder, None if there is none. Raises BadInputError for one that is damaged."""
    path = folder / PLAN
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text())
        if values.pop("format") != FORMAT:
            raise BadInputError(f"{path}: not a plan of hdrfuse; expected {FORMAT}")
        recipe = Recipe(**_with_tuples(values.pop("recipe")))
        return Plan(recipe=recipe, **_with_tuples(values))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(f"{path}: not a plan of hdrfuse: {' '.join(str(error).split())[:200]}") from error


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
