"""What moto holds, read and tightened: keys with their secrets, and the refusals that AWS makes and moto doesn't."""

import random
import re
import string

from moto.iam import models
from moto.iam.exceptions import DeleteConflictException, ValidationError
from moto.sts.models import sts_backends

NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
ID_LETTERS = string.ascii_uppercase + "234567"


class Cloud:
    """One account's IAM, with the operator's own key beside the users' keys."""

    def __init__(self, account, operator_key_id, operator_secret):
        self.account = account
        self.operator = (operator_key_id, operator_secret)
        tighten()

    @property
    def iam(self):
        return models.iam_backends[self.account]["aws"]

    def secret(self, access_key_id):
        """The secret of an Active key, or None: unknown, inactive and deleted look alike."""
        if access_key_id == self.operator[0]:
            return self.operator[1]
        key = self.find_key(access_key_id)
        return key.secret_access_key if key and key.status == "Active" else None

    def is_operator(self, access_key_id):
        return access_key_id == self.operator[0]

    def identity(self, access_key_id):
        """UserId, Arn and Account of a key, as GetCallerIdentity answers."""
        if self.is_operator(access_key_id):
            return {"UserId": self.account, "Account": self.account, "Arn": f"arn:aws:iam::{self.account}:root"}
        user_id, arn, account = sts_backends[self.account]["aws"].get_caller_identity(access_key_id, "us-east-1")
        return {"UserId": user_id, "Account": account, "Arn": arn}

    def find_key(self, access_key_id):
        keys = (key for user in list(self.iam.users.values()) for key in user.access_keys)
        return next((key for key in keys if key.access_key_id == access_key_id), None)


def tighten():
    """Makes moto refuse what AWS refuses (names, unique ignoring case; entities in use) and number entities as AWS does."""
    backend = models.IAMBackend
    wrap(backend, "create_user", lambda iam, *_, user_name, **__: check_new(iam.users, "userName", user_name, 64, "User"))
    wrap(backend, "create_group", lambda iam, group_name, *_, **__: check_new(iam.groups, "groupName", group_name, 128, "Group"))
    wrap(backend, "put_user_policy", lambda _, __, policy_name, *___: check_name("policyName", policy_name, 128))
    wrap(backend, "delete_user", lambda iam, user_name: check_unused_user(iam, user_name))
    wrap(backend, "delete_group", lambda iam, group_name: check_unused_group(iam, group_name))
    number(models.User, "AIDA")
    number(models.Group, "AGPA")


def wrap(owner, name, before):
    original = getattr(owner, name)

    def checked(self, *args, **kwargs):
        before(self, *args, **kwargs)
        return original(self, *args, **kwargs)

    setattr(owner, name, checked)


def number(entity, prefix):
    original = entity.__init__

    def init(self, *args, **kwargs):
        original(self, *args, **kwargs)
        self.id = prefix + "".join(random.choices(ID_LETTERS, k=17))

    entity.__init__ = init


def check_name(field, name, longest):
    if not NAME.fullmatch(name) or len(name) > longest:
        raise ValidationError(
            f"1 validation error detected: Value '{name}' at '{field}' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: [\\w+=,.@-]+ and have length less than or equal to {longest}"
        )


def check_new(existing, field, name, longest, kind):
    check_name(field, name, longest)
    if any(other != name and other.lower() == name.lower() for other in existing):
        raise models.EntityAlreadyExists(f"{kind} with name {name} already exists.")


def check_unused_user(iam, name):
    user = iam.users.get(name)
    if user is None:
        return
    if user.access_keys:
        raise DeleteConflictException("Cannot delete entity, must delete access keys first.")
    if any(user in group.users for group in iam.groups.values()):
        raise DeleteConflictException("Cannot delete entity, must remove users from group first.")


def check_unused_group(iam, name):
    group = iam.groups.get(name)
    if group is None:
        return
    if group.users:
        raise DeleteConflictException("Cannot delete entity, must remove users from group first.")
    if group.policies or group.managed_policies:
        raise DeleteConflictException("Cannot delete entity, must delete policies first.")
