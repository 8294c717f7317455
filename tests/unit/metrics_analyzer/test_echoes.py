"""A credential is recognised in an answer however the answer's format spells it."""

import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_metrics_analyzer.outbound.echoes import repeats

SECRET = "p&ss/<word> +ü😀"
SPELLINGS = {
    "itself": SECRET,
    "JSON of Python": json.dumps(SECRET),
    "JSON in UTF-8": json.dumps(SECRET, ensure_ascii=False),
    "JSON of Go": json.dumps(SECRET).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"),
    "JSON of PHP": json.dumps(SECRET).replace("/", "\\/"),
    "HTML": html.escape(SECRET),
    "a path": quote(SECRET),
    "a form": quote_plus(SECRET),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_credential_is_found_however_it_is_spelled(spelling: str) -> None:
    body = f'{{"seen": {spelling}, "ok": 1}}'.encode()
    assert repeats(body, ["another", SECRET])
    assert not repeats(body, ["another"])
    assert not repeats(body, [])


@given(body=st.binary() | st.text(alphabet='\\u0dD8&;%/"ab').map(str.encode), secret=st.text(min_size=1))
def test_any_answer_can_be_looked_through(body: bytes, secret: str) -> None:
    assert repeats(body + secret.encode(errors="replace"), [secret.encode(errors="replace").decode()])
