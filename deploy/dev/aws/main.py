"""IAM and STS of one AWS account on loopback: moto's state behind a front that verifies as the cloud does.

The operator's key comes by environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), the account as MOTO_ACCOUNT_ID.
"""

import argparse
import os
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from cloud import Cloud
from front import Endpoint, StsProxy

HOST = "127.0.0.1"


class QuietHandler(WSGIRequestHandler):
    """Logs the action, never the query: a presigned URL is a credential."""

    def log_request(self, code="-", size="-"):
        self.log("info", "%s %s %s", self.command, self.path.partition("?")[0], code)


def main():
    arguments = parse()
    cloud = Cloud(os.environ["MOTO_ACCOUNT_ID"], os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    proxy = StsProxy((HOST, arguments.proxy_port), cloud, arguments.cert, arguments.key)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    app = Endpoint(cloud, DomainDispatcherApplication(create_backend_app))
    make_server(HOST, arguments.port, app, threaded=True, request_handler=QuietHandler).serve_forever()


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="plain HTTP, for AWS_ENDPOINT_URL")
    parser.add_argument("--proxy-port", type=int, required=True, help="HTTP CONNECT, for HTTPS_PROXY")
    parser.add_argument("--cert", required=True, help="certificate for the STS hosts")
    parser.add_argument("--key", required=True, help="its key")
    return parser.parse_args()


if __name__ == "__main__":
    main()
