"""Writes what the containers read when they start: certificates, keys, configurations, kubeconfigs. Repeating it changes nothing.

The same files as `cargo dev up` writes (deploy/dev/src), for one network namespace with fixed ports.
"""

import base64
import json
import os
import pathlib
import secrets
import subprocess

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

STATE = pathlib.Path(os.environ.get("STATE", "/state"))
COMPOSE = "/compose"
ISSUER = "https://localhost:8443/realms/tenantry"
SERVICES = ["identity", "tenant", "showback", "console"]

ASSERT = ["$JS.API.STREAM.INFO.TENANTRY"]
CONSUMER = "TENANTRY.showback-ownership"
CONSUME = [
    f"$JS.API.CONSUMER.CREATE.{CONSUMER}", f"$JS.API.CONSUMER.CREATE.{CONSUMER}.>", f"$JS.API.CONSUMER.INFO.{CONSUMER}",
    f"$JS.API.CONSUMER.MSG.NEXT.{CONSUMER}", f"$JS.ACK.{CONSUMER}.>",
]
SESSIONS = [
    "$JS.API.INFO", "$JS.API.STREAM.INFO.KV_TENANTRY_SESSIONS", "$JS.API.STREAM.MSG.GET.KV_TENANTRY_SESSIONS",
    "$JS.API.DIRECT.GET.KV_TENANTRY_SESSIONS.>",
    "$JS.API.CONSUMER.CREATE.KV_TENANTRY_SESSIONS", "$JS.API.CONSUMER.*.KV_TENANTRY_SESSIONS.>",
    "$JS.FC.KV_TENANTRY_SESSIONS.>", "$KV.TENANTRY_SESSIONS.>",
]


def main():
    STATE.mkdir(parents=True, exist_ok=True)
    certificates()
    nats()
    apiserver()
    write("session-key", once("session-key", lambda: base64.b64encode(secrets.token_bytes(32)).decode()))
    write("console-client", os.environ["CONSOLE_CLIENT_SECRET"])
    kubeconfigs()


def write(name, text):
    path = STATE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    # Every container of this stack runs under a user of its own, and all are one person's on one machine.
    path.chmod(0o644)


def once(name, make):
    path = STATE / name
    return path.read_text() if path.exists() else make()


def write_json(name, value):
    write(name, json.dumps(value, indent=2))


def certificates():
    pair("ca", ["-days", "3650", "-subj", "/CN=Tenantry compose", "-addext", "keyUsage=critical,keyCertSign,cRLSign"])
    leaf("apiserver", "IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc")
    leaf("keycloak", "DNS:localhost,IP:127.0.0.1")
    leaf("sts", "DNS:sts.amazonaws.com,DNS:sts.eu-north-1.amazonaws.com,DNS:sts.us-east-1.amazonaws.com")
    leaf("authenticator", "IP:127.0.0.1,DNS:localhost")
    # aws-iam-authenticator reads its pair from its state directory under these names.
    write("authenticator/cert.pem", (STATE / "tls/authenticator.crt").read_text())
    write("authenticator/key.pem", (STATE / "tls/authenticator.key").read_text())
    key = STATE / "tls/service-account.key"
    if not key.exists():
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
        key.chmod(0o644)


def leaf(name, names):
    ca = STATE / "tls"
    pair(name, [
        "-days", "825", "-subj", f"/CN={name}", "-CA", ca / "ca.crt", "-CAkey", ca / "ca.key",
        "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth",
        "-addext", f"subjectAltName={names}",
    ])


def pair(name, arguments):
    folder = STATE / "tls"
    folder.mkdir(exist_ok=True)
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    if certificate.exists():
        return
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", certificate, *arguments)
    key.chmod(0o644)


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stderr=subprocess.DEVNULL)


def nats():
    users = [{"user": "admin", "password": os.environ["NATS_ADMIN_PASSWORD"]}]
    for service in SERVICES:
        publish = SESSIONS if service == "console" else [f"evt.{service}.>", *ASSERT]
        publish = [*publish, *CONSUME] if service == "showback" else publish
        permissions = {"publish": {"allow": publish}, "subscribe": {"allow": [f"_INBOX.{service}.>"]}}
        users.append({"nkey": nkey(service), "permissions": permissions})
    write_json("nats.conf", {
        "server_name": "tenantry-compose",
        "listen": "127.0.0.1:4222",
        "http": "127.0.0.1:8222",
        "jetstream": {"store_dir": "/data", "sync_interval": "always"},
        "authorization": {"users": users},
    })


def nkey(service):
    """The public half of a service's key; the seed is made on first use and written beside it."""
    user, seed_prefix = 20 << 3, 18 << 3
    seed = once(f"{service}.nk", lambda: encode(bytes([seed_prefix | user >> 5, (user & 31) << 3]) + secrets.token_bytes(32)))
    write(f"{service}.nk", seed)
    raw = base64.b32decode(seed + "=" * (-len(seed) % 8))[2:34]
    public = Ed25519PrivateKey.from_private_bytes(raw).public_key()
    return encode(bytes([user]) + public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))


def encode(payload):
    checked = payload + crc16(payload).to_bytes(2, "little")
    return base64.b32encode(checked).decode().rstrip("=")


def crc16(payload):
    crc = 0
    for byte in payload:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def apiserver():
    token = once("admin-token", lambda: secrets.token_hex(20))
    write("admin-token", token)
    write("tokens.csv", f"{token},platform-admin,platform-admin,system:masters\n")
    write_json("authentication.yaml", {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [{
            "issuer": {
                "url": ISSUER,
                "audiences": ["kubernetes", "console"],
                "audienceMatchPolicy": "MatchAny",
                "certificateAuthority": (STATE / "tls/ca.crt").read_text(),
            },
            "claimValidationRules": [{
                "expression": "claims.?email_verified.orValue(false) == true",
                "message": "the e-mail address is not verified",
            }],
            "claimMappings": {
                "username": {"expression": "claims.email"},
                "groups": {"expression": "dyn(claims.?groups.orValue([])).map(group, 'oidc:' + string(group))"},
                "uid": {"claim": "sub"},
            },
            "userValidationRules": [
                {"expression": "!user.username.startsWith('system:')", "message": "the name is reserved"},
                {"expression": "user.groups.all(group, !group.startsWith('system:'))", "message": "a group is reserved"},
            ],
        }],
    })
    write_json("webhook.yaml", config("https://127.0.0.1:21362/authenticate", "apiserver", {}))


def kubeconfigs():
    token = (STATE / "admin-token").read_text()
    falcon = {
        "AWS_SHARED_CREDENTIALS_FILE": str(STATE / "home/falcon.credentials"),
        "AWS_PROFILE": "falcon",
        "AWS_EC2_METADATA_DISABLED": "true",
        # The operator's settings of the surrounding shell would win over the profile.
        "AWS_ENDPOINT_URL": "",
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
    }
    kubeconfig("admin", {"token": token})
    kubeconfig("falcon", plugin(["aws", "eks", "get-token", "--cluster-name", "dev", "--region", "eu-north-1"], falcon))
    kubeconfig("bear", plugin(["python", f"{COMPOSE}/oidc_token.py", "bear@nordmart.com"], {}))


def plugin(command, env):
    return {"exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": command[0],
        "args": command[1:],
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "interactiveMode": "Never",
    }}


def kubeconfig(who, user):
    write_json(f"kubeconfigs/{who}.yaml", config("https://127.0.0.1:6443", who, user))


def config(server, who, user):
    authority = base64.b64encode((STATE / "tls/ca.crt").read_bytes()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "dev", "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": who, "user": user}],
        "contexts": [{"name": "dev", "context": {"cluster": "dev", "user": who}}],
        "current-context": "dev",
    }


if __name__ == "__main__":
    main()
