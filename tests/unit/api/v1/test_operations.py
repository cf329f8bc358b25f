"""`/v1/operations`: the catalogue."""

from tests.unit.api.api_harness import ApiHarness


async def test_operations_tell_their_parameters_as_a_json_schema(harness: ApiHarness) -> None:
    names = [item["name"] for item in (await harness.get("/v1/operations")).json()["items"]]
    assert {"probe", "transcode", "image", "preview", "optimize", "enhance"} <= set(names)
    preview = (await harness.get("/v1/operations/preview")).json()
    width = preview["parameters"]["properties"]["width"]
    assert (width["minimum"], width["maximum"], width["default"]) == (16, 3840, 480)
    assert preview["summary"]
