"""AWS signature version 4, from the side that checks it.

moto accepts any secret for a key that it knows. The cloud doesn't, so this front recomputes every signature from the secret that moto issued.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, quote

ALGORITHM = "AWS4-HMAC-SHA256"
LIFETIME = timedelta(minutes=15)  # what STS honours, whatever X-Amz-Expires says
CLOCK_SKEW = timedelta(minutes=5)
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class Refused(Exception):
    """A signature that the cloud would refuse, with its error code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Request:
    """What was signed: header names in lower case, the query as received."""

    method: str
    path: str
    query: str
    headers: dict
    body: bytes

    def pairs(self):
        return parse_qsl(self.query, keep_blank_values=True)

    def is_presigned(self):
        return any(name == "X-Amz-Signature" for name, _ in self.pairs())


@dataclass(frozen=True)
class Claim:
    """What the caller says about the signature, from headers or from the query."""

    access_key_id: str
    scope: str
    date: str
    signed_headers: str
    signature: str


def claim(request):
    """Reads the claim of a presigned or a header-signed request."""
    if request.is_presigned():
        field = dict(request.pairs())
        parts = (field.get("X-Amz-Credential"), field.get("X-Amz-SignedHeaders"), field.get("X-Amz-Signature"))
        date = field.get("X-Amz-Date")
    else:
        algorithm, _, rest = request.headers.get("authorization", "").partition(" ")
        if algorithm != ALGORITHM:
            raise Refused("MissingAuthenticationToken", "Request is missing Authentication Token")
        field = dict(item.strip().partition("=")[::2] for item in rest.split(","))
        parts = (field.get("Credential"), field.get("SignedHeaders"), field.get("Signature"))
        date = request.headers.get("x-amz-date")
    if not all(parts) or not date:
        raise Refused("IncompleteSignature", "The signature lacks one of its parts")
    access_key_id, _, scope = parts[0].partition("/")
    return Claim(access_key_id, scope, date, parts[1], parts[2])


def check(request, claimed, secret, now=None):
    """Raises `Refused` unless `secret` made this signature within the last fifteen minutes."""
    check_time(claimed, now or datetime.now(timezone.utc))
    expected = sign(request, claimed, secret)
    if not hmac.compare_digest(expected, claimed.signature):
        raise Refused(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
        )


def check_time(claimed, now):
    try:
        signed_at = datetime.strptime(claimed.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise Refused("IncompleteSignature", f"Date must be in ISO-8601 basic format: {claimed.date}") from error
    if signed_at < now - LIFETIME or signed_at > now + CLOCK_SKEW:
        raise Refused("SignatureDoesNotMatch", f"Signature expired: {claimed.date}")
    if claimed.scope.split("/")[0] != claimed.date[:8]:
        raise Refused("SignatureDoesNotMatch", "Credential should be scoped to the date of the signature")


def sign(request, claimed, secret):
    """The signature that `secret` makes of this request."""
    canonical = "\n".join((
        request.method,
        quote(request.path, safe="/-_.~%"),
        canonical_query(request),
        *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in claimed.signed_headers.split(";")),
        "",
        claimed.signed_headers,
        body_hash(request),
    ))
    text = "\n".join((ALGORITHM, claimed.date, claimed.scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in claimed.scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def canonical_query(request):
    pairs = ((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in request.pairs() if name != "X-Amz-Signature")
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def body_hash(request):
    return EMPTY_SHA256 if request.is_presigned() else hashlib.sha256(request.body).hexdigest()
