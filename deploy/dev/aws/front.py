"""The two doors to moto: the endpoint for SDKs, and the proxy through which aws-iam-authenticator believes it talks to STS.

Every request is verified here first; moto only keeps the state.
"""

import io
import json
import re
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs
from uuid import uuid4
from xml.sax.saxutils import escape

import signature
from signature import Refused

STS_HOST = re.compile(r"sts(\.[a-z0-9-]+)?\.amazonaws\.com")
HEALTH = "/healthz"


class Endpoint:
    """WSGI: plain HTTP for `AWS_ENDPOINT_URL`. Presigned STS calls are answered here, the rest by moto."""

    def __init__(self, cloud, moto):
        self.cloud, self.moto = cloud, moto

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == HEALTH:
            return respond(start_response, "200 OK", "text/plain", "ok")
        request = read(environ)
        try:
            key = authenticate(self.cloud, request)
            if request.is_presigned():
                return respond(start_response, "200 OK", "application/json", identity_json(self.cloud, key))
            authorize(self.cloud, key, request)
        except Refused as refused:
            return respond(start_response, "403 Forbidden", "text/xml", error_xml(refused))
        return self.moto(environ, start_response)


def read(environ):
    """The request as it was signed; leaves the body readable for moto."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    headers["content-length"] = environ.get("CONTENT_LENGTH", "")
    return signature.Request(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], headers, body)


def authenticate(cloud, request):
    """The access key id that signed the request."""
    claimed = signature.claim(request)
    secret = cloud.secret(claimed.access_key_id)
    if secret is None:
        raise Refused("InvalidClientTokenId", "The security token included in the request is invalid.")
    signature.check(request, claimed, secret)
    return claimed.access_key_id


def authorize(cloud, key, request):
    """The operator may do everything; a user of the account may ask who he is."""
    action = parse_qs(request.body.decode(errors="replace")).get("Action", ["?"])[0]
    if cloud.is_operator(key) or action == "GetCallerIdentity":
        return
    arn = cloud.identity(key)["Arn"]
    raise Refused("AccessDenied", f"User: {arn} is not authorized to perform: {action}")


def identity_json(cloud, key):
    return json.dumps({
        "GetCallerIdentityResponse": {
            "GetCallerIdentityResult": cloud.identity(key),
            "ResponseMetadata": {"RequestId": str(uuid4())},
        }
    })


def error_xml(refused):
    return (
        '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
        f"<Code>{refused.code}</Code><Message>{escape(str(refused))}</Message></Error>"
        f"<RequestId>{uuid4()}</RequestId></ErrorResponse>"
    )


def respond(start_response, status, content_type, text):
    body = text.encode()
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]


class StsProxy(ThreadingHTTPServer):
    """Answers CONNECT to an STS host by being that host, with a certificate that only the authenticator trusts."""

    def __init__(self, address, cloud, cert, key):
        super().__init__(address, StsHandler)
        self.cloud = cloud
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(cert, key)


class StsHandler(BaseHTTPRequestHandler):
    """One connection: CONNECT in the clear, then GetCallerIdentity under TLS."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_CONNECT(self):
        host, _, port = self.path.partition(":")
        if not STS_HOST.fullmatch(host) or port != "443":
            self.send_error(403, "only STS is behind this proxy")
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self):
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = signature.Request("GET", path, query, headers, b"")
        try:
            if not isinstance(self.connection, ssl.SSLSocket) or not request.is_presigned():
                raise Refused("MissingAuthenticationToken", "Request is missing Authentication Token")
            body, status = identity_json(self.server.cloud, authenticate(self.server.cloud, request)), 200
        except Refused as refused:
            body, status = json.dumps({"Error": {"Code": refused.code, "Message": str(refused), "Type": "Sender"}}), 403
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format, *args):
        # A presigned URL is a credential for fifteen minutes: the query never reaches the log.
        print("proxy", self.command, self.path.partition("?")[0], flush=True)
