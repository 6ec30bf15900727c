"""What every model of the config shares."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

ADDED: dict[str, Any] = {"added": "after 0.1"}
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Model(BaseModel):
    """Unknown keys are errors. A key that came after version 0.1 is marked with `json_schema_extra=ADDED`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
