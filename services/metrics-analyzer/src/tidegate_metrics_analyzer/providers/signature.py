"""Amazon's signature of a request, version 4. Pure; called by `cloudwatch`.

After "Create a signed AWS API request" of Amazon's documentation, for a POST of JSON without a query.
"""

import hashlib
import hmac
from typing import Final

import msgspec
from yarl import URL

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    access_key_id: str
    secret_access_key: str
    session_token: str = ""
    region: str
    service: str

    def __repr__(self) -> str:
        return f"Signer({self.service} in {self.region})"

    def signed(
        self, url: URL, headers: dict[str, str], body: str, *, stamp: str, method: str = "POST"
    ) -> dict[str, str]:
        """The headers with the signature; `stamp` is the time as `20150830T123600Z`."""
        given = {**headers, "Host": url.raw_authority, "X-Amz-Date": stamp}
        if self.session_token:
            given["X-Amz-Security-Token"] = self.session_token
        lower = {name.lower(): " ".join(text.split()) for name, text in given.items()}
        names = ";".join(sorted(lower))
        canonical = "\n".join(
            (
                method,
                url.raw_path,
                url.raw_query_string,
                *(f"{name}:{lower[name]}" for name in sorted(lower)),
                "",
                names,
                _digest(body),
            )
        )
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        to_sign = "\n".join((_ALGORITHM, stamp, scope, _digest(canonical)))
        signature = hmac.new(self._key(stamp[:8]), to_sign.encode(), hashlib.sha256).hexdigest()
        given["Authorization"] = (
            f"{_ALGORITHM} Credential={self.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return given

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self.secret_access_key}".encode()
        for part in (day, self.region, self.service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
