"""H1: what orchd says of its API is OpenAPI, to those who know it."""
import json
import pathlib
import subprocess

from house import call

VALIDATOR = pathlib.Path(__file__).resolve().parent / "node_modules" / ".bin" / "validate-api"


def validate(directory, text):
    path = directory / "openapi.json"
    path.write_text(json.dumps(text))
    return subprocess.run([str(VALIDATOR), str(path)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def test_H1_an_independent_validator_is_content_with_the_description(house, tmp_path):
    description = call(house.url + "/openapi.json")[2]
    done = validate(tmp_path, description)
    assert done.returncode == 0, done.stdout + done.stderr
    del description["paths"]["/queue"]["get"]["responses"]
    del description["info"]["title"]
    assert validate(tmp_path, description).returncode != 0, "it would not have noticed anything"
