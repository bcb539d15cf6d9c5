"""pydantic: models that nest, validate, refuse, dump and describe themselves.

SPDX-License-Identifier: MIT
"""
import datetime
import enum
from typing import Dict, List, Optional, Union

import pydantic

from rest import rest


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Item(pydantic.BaseModel):
    title: str
    price: float = pydantic.Field(gt=-1)
    color: Color = Color.RED
    tags: List[str] = []


class Shop(pydantic.BaseModel):
    name: str
    opened: datetime.datetime
    items: Dict[str, Item]
    owner: Optional[Union[str, int]] = None

    @pydantic.field_validator("name")
    @classmethod
    def check_name(cls, value):
        if value == "nobody":
            raise ValueError("nobody has no shop")
        return value


def main():
    shops = [Shop.model_validate({
        "name": "shop %d" % n, "opened": "2024-01-01T00:00:00Z",
        "items": {"a": {"title": "item", "price": n, "color": "blue",
                        "tags": ["x", "y"]}},
        "owner": n}) for n in range(100)]
    again = [Shop.model_validate_json(s.model_dump_json()) for s in shops]
    assert again == shops
    errors = []
    for bad in ({"name": "nobody"}, {"name": 1, "items": []}):
        try:
            Shop.model_validate(bad)
        except pydantic.ValidationError as error:
            errors.append(error)
    assert len(errors) == 2 and errors[0].error_count() == 3
    schema = Shop.model_json_schema()
    assert schema["title"] == "Shop"
    rest()


if __name__ == "__main__":
    main()
