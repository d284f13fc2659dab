"""The fake must be as strict as the cloud: what AWS refuses is refused here. Signatures are made by botocore, not by us."""

import os
import unittest

os.environ.setdefault("MOTO_ACCOUNT_ID", "630742778131")

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core.exceptions import ServiceException

import signature
from cloud import Cloud
from front import authenticate, authorize, identity_json
from signature import Refused

HOST = "sts.eu-north-1.amazonaws.com"
CLUSTER = {"x-k8s-aws-id": "dev"}
URL = f"https://{HOST}/?Action=GetCallerIdentity&Version=2011-06-15"


class Front(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud(os.environ["MOTO_ACCOUNT_ID"], "AKIAOPERATOR", "operator")

    def setUp(self):
        self.iam = self.cloud.iam
        self.iam.reset()
        self.user = self.iam.create_user("aws", user_name="falcon@nordmart.com")
        self.key = self.iam.create_access_key("falcon@nordmart.com")

    def presigned(self, secret=None, headers=CLUSTER):
        request = AWSRequest("GET", URL, headers=headers)
        credentials = Credentials(self.key.access_key_id, secret or self.key.secret_access_key)
        SigV4QueryAuth(credentials, "sts", "eu-north-1", expires=60).add_auth(request)
        return request.url.partition("?")[2]

    def ask(self, query, cluster="dev"):
        return authenticate(self.cloud, signature.Request("GET", "/", query, {"host": HOST, "x-k8s-aws-id": cluster}, b""))

    def signed(self, body, key_id, secret):
        request = AWSRequest("POST", f"https://{HOST}/", data=body, headers={"host": HOST})
        SigV4Auth(Credentials(key_id, secret), "iam", "us-east-1").add_auth(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        return signature.Request("POST", "/", "", headers, body)

    def refused(self, code, call, *args, **kwargs):
        with self.assertRaises(Refused) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.code, code)

    def test_an_active_key_is_its_user(self):
        self.assertIn("user/falcon@nordmart.com", identity_json(self.cloud, self.ask(self.presigned())))

    def test_another_cluster_is_refused(self):
        self.refused("SignatureDoesNotMatch", self.ask, self.presigned(), cluster="prod")

    def test_a_wrong_secret_is_refused(self):
        self.refused("SignatureDoesNotMatch", self.ask, self.presigned(secret="wrong"))

    def test_an_inactive_key_is_refused(self):
        self.key.status = "Inactive"
        self.refused("InvalidClientTokenId", self.ask, self.presigned())

    def test_a_deleted_key_is_refused(self):
        query = self.presigned()
        self.iam.delete_access_key(self.key.access_key_id, "falcon@nordmart.com")
        self.refused("InvalidClientTokenId", self.ask, query)

    def test_an_old_signature_is_refused(self):
        query = self.presigned().replace("X-Amz-Date=20", "X-Amz-Date=19")
        self.refused("SignatureDoesNotMatch", self.ask, query)

    def test_users_may_not_touch_iam(self):
        body = b"Action=CreateUser&UserName=eve"
        request = self.signed(body, self.key.access_key_id, self.key.secret_access_key)
        self.refused("AccessDenied", authorize, self.cloud, authenticate(self.cloud, request), request)

    def test_the_operator_may(self):
        request = self.signed(b"Action=ListUsers", "AKIAOPERATOR", "operator")
        authorize(self.cloud, authenticate(self.cloud, request), request)

    def test_a_changed_body_is_refused(self):
        request = self.signed(b"Action=ListUsers", "AKIAOPERATOR", "operator")
        changed = signature.Request("POST", "/", "", request.headers, b"Action=DeleteUser")
        self.refused("SignatureDoesNotMatch", authenticate, self.cloud, changed)

    def test_names_differ_by_more_than_case(self):
        self.assertRaises(ServiceException, self.iam.create_user, "aws", user_name="FALCON@nordmart.com")

    def test_names_are_of_iams_letters(self):
        self.assertRaises(ServiceException, self.iam.create_user, "aws", user_name="fal con")

    def test_a_user_with_keys_is_not_deleted(self):
        self.assertRaises(ServiceException, self.iam.delete_user, "falcon@nordmart.com")

    def test_a_group_with_users_is_not_deleted(self):
        self.iam.create_group("logistics-owner")
        self.iam.add_user_to_group("logistics-owner", "falcon@nordmart.com")
        self.assertRaises(ServiceException, self.iam.delete_group, "logistics-owner")


if __name__ == "__main__":
    unittest.main()
