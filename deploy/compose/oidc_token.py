"""A kubectl credential plugin: an id token of Keycloak for a user of the development realm."""

import json
import os
import ssl
import sys
import urllib.parse
import urllib.request


def main():
    user = sys.argv[1]
    form = {
        "grant_type": "password",
        "client_id": "kubernetes",
        "scope": "openid",
        "username": user,
        "password": os.environ["BEAR_PASSWORD"],
    }
    url = "https://localhost:8443/realms/tenantry/protocol/openid-connect/token"
    trust = ssl.create_default_context(cafile="/state/tls/ca.crt")
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(url, body, timeout=20, context=trust) as reply:
        token = json.load(reply)["id_token"]
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}}
    json.dump(credential, sys.stdout)


if __name__ == "__main__":
    main()
