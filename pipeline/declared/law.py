"""The legal acts that rules rest on, each once (`layers/acts.toml`), and what they ask of a class of hazards."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel, model_validator

from pipeline.config import Names, parse, read_toml
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

ACTS = "acts.toml"

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Country = Annotated[str, Field(pattern=r"^([A-Z]{2}|default)$")]
"""ISO 3166-1 alpha-2 code, or "default"."""
Metres = Annotated[float, Field(ge=0, le=50_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Act(_Strict):
    """A law, decree, order or code; without a title, what stands in where no act is known."""

    id: Identifier
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    """ISO 3166-1 alpha-2; none: of no country, so that rules of any may rest on it."""
    title: Names | None = None
    """Kind and title, in English as it is cited here, and in the languages in which it was published."""
    number: str = ""
    signed: date | Annotated[int, Field(ge=1900, le=2100)] | None = None
    """The act's date, or the year alone."""
    registered: str = ""
    """Number in the state register of legal acts."""
    amended: str = ""
    """By what, as far as the edition goes that is meant."""
    valid_from: date | None = None
    """First day in force, where it is not the day of signing."""
    valid_to: date | None = None
    link: Annotated[str, Field(pattern=r"^(https://[^\s\"'<>]+)?$")] = ""
    seen: Annotated[str, Field(min_length=1)]
    """Where the act was seen, and how much of it."""
    read_by: str = ""
    """Who has read the act itself; empty: nobody yet."""
    read_on: date | None = None

    @property
    def citation(self) -> str:
        """Title, number and date, as one cites it; empty where no act is known."""
        number = " of ".join(str(part) for part in (self.number, self.signed) if part)
        register = f"reg. {self.registered}" if self.registered else ""
        return ", ".join(part for part in (self.title.en if self.title else "", number, register, self.amended) if part)

    @property
    def in_force_from(self) -> date | None:
        """`valid_from`, or else the date of the act; where only its year is known, the first day of that."""
        return self.valid_from or (date(self.signed, 1, 1) if isinstance(self.signed, int) else self.signed)

    @model_validator(mode="after")
    def _check_reading(self) -> Self:
        if bool(self.read_by) != (self.read_on is not None):
            msg = "read_by and read_on go together: who read the act, and when"
            raise ValueError(msg)
        if not self.title and (self.number or self.read_by):
            msg = "an act has a title"
            raise ValueError(msg)
        return self


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    if list(values) != sorted(set(values)):
        msg = "must be in ascending order, without repeats"
        raise ValueError(msg)
    return values


Variant = Annotated[str, Field(pattern=r"^[a-z0-9_]*$")]
Distances = Annotated[tuple[Metres, ...], AfterValidator(_ascending)]
ANY_OTHER = "any_other"
"""How tables of values by variant call the rule that has no variant."""


class Law(_Strict):
    """What one country asks of a class: the act, and its distances.

    A value holds for all rules of the class, or is a table by their variants (``any_other``: the rule without one). In
    a country hold those rules that `distance_m` gives a value.
    """

    act: Act
    """By its id in acts.toml."""
    article: str = ""
    distances_after: Act | None = None
    """The act that the distances are taken from, by its id, where it is another one."""
    seen: str = ""
    """Where the distances were seen, and how much of them, where the act does not say it."""
    distance_m: Metres | dict[Variant, Metres]
    """From the hazard's edge; 0: the hazard itself is the zone."""
    sensitivity_m: Distances | dict[Variant, Distances] = ()
    """Other distances worth a look, because the figure is contested or unverified."""
    verified: bool | dict[Variant, bool] = False
    """True only where the metres themselves were seen in a public source; `source` says in which."""

    @property
    def acts(self) -> tuple[Act, ...]:
        """The acts that the distances rest on."""
        return (self.act, self.distances_after) if self.distances_after else (self.act,)

    @property
    def reference(self) -> str:
        """Act, number and article as one cites them; empty where no act is known."""
        cited = ", ".join(part for part in (self.act.citation, self.article) if part)
        return f"{cited}; distances after {self.distances_after.citation}" if self.distances_after else cited

    @property
    def source(self) -> str:
        """Where the reference was seen, and how much of it."""
        return self.seen or "; ".join(act.seen for act in self.acts)

    @property
    def variants(self) -> set[str]:
        """The variants that are named in any value."""
        tables = [value for value in (self.distance_m, self.sensitivity_m, self.verified) if isinstance(value, dict)]
        return {variant for table in tables for variant in table}


T = TypeVar("T")
U = TypeVar("U")


def of_variant(value: T | dict[str, T], variant: str, otherwise: U) -> T | U:
    """Return the value of a rule, from one for all or from a table by variant."""
    return value.get(variant or ANY_OTHER, otherwise) if isinstance(value, dict) else value


class _File(RootModel[dict[Identifier, Act]]):
    """The file: acts by id."""

    @model_validator(mode="before")
    @classmethod
    def _name_acts(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Give every act its own key as `id`."""
        return {key: {"id": key, **act} if isinstance(act, dict) else act for key, act in data.items()}


def load_acts(root: Path) -> dict[str, Act]:
    """Return the acts of a folder `layers/` by id, in the order of the file; none where it has no such file.

    Raises
    ------
    ConfigError
        The file is not TOML, or has an unknown or wrong key.
    """
    path = root / ACTS
    return parse(_File, read_toml(path), path).root if path.exists() else {}


def check_all_used(acts: Mapping[str, Act], used: Iterable[Act], root: Path) -> None:
    """Raise a ConfigError where no rule refers to an act: it was forgotten, or its last rule is gone."""
    if unused := sorted(set(acts) - {act.id for act in used}):
        msg = f"{root / ACTS}: no rule refers to {unused[0]}; name it in a [legal] table of red_zones/, or remove it."
        raise ConfigError(msg)
