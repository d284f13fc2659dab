//! The way out of each reason a service may give.

use tenantry_proto::common::v1::Reason;

/// What to try next; `None` where the service's own message says it already.
pub(crate) fn of(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::TokenMissing | Reason::TokenInvalid => Some(
            "check who you are: `kubectl auth whoami`; then log in again or choose another --context",
        ),
        Reason::PermissionDenied => Some(
            "`tenantry whoami` shows your groups; ask a platform admin for the right named above",
        ),
        Reason::FieldInvalid => {
            Some("correct the field and repeat the command; --help shows each flag")
        }
        Reason::NotFound => {
            Some("check the spelling with `list`; what you may not see looks absent too")
        }
        Reason::AlreadyExists => {
            Some("`get` shows the existing one; choose another name or update that one")
        }
        Reason::Conflict => {
            Some("somebody changed it meanwhile: read it again, then repeat the command")
        }
        Reason::QuotaInUse => {
            Some("give those tenants another quota: `tenantry tenant update TENANT --quota OTHER`")
        }
        Reason::QuotaNotFound => Some(
            "`tenantry quota list` shows the quotas; make one with `tenantry quota create -f FILE`",
        ),
        Reason::NamespaceTaken => {
            Some("choose another name; the message says whose it is (`tenantry tenant get TENANT`)")
        }
        Reason::IamLimitExceeded => {
            Some("delete what is no longer used (`tenantry identity key list USER` for keys)")
        }
        Reason::IamUnavailable => {
            Some("IAM is throttling or failing; repeat the command in a minute")
        }
        Reason::MappingUnparseable => Some(
            "repair the section by hand: `kubectl edit configmap aws-auth -n kube-system`; nothing was written",
        ),
        Reason::MappingExists => {
            Some("`tenantry identity mapping list` shows it; give it the new names with --replace")
        }
        Reason::UsernameTaken => Some(
            "give this ARN a username of its own; `tenantry identity mapping list` shows the taken ones",
        ),
        Reason::NameReserved => Some(
            "choose a username without the prefixes `system:`, `eks:`, `aws:`, `amazon:`, `iam:`, or a group without `system:`",
        ),
        Reason::PrincipalUnsupported => {
            Some("map an IAM user or role; an IAM group grants nothing in a cluster")
        }
        Reason::ClusterUnavailable | Reason::HistoryUnavailable | Reason::ServiceUnavailable => {
            Some("`tenantry status` shows what is down; repeat the command when it is back")
        }
        Reason::WindowInvalid => Some("--start must lie before --end, and within what was metered"),
        Reason::PriceMissing => {
            Some("add the instance type to the price book and restart the showback service")
        }
        Reason::PageTokenInvalid => {
            Some("repeat the command without changing its filters meanwhile")
        }
        Reason::ClusterRefused => Some(
            "change what the apiserver's words above name; `tenantry status` shows whether Tenantry's own rights are whole",
        ),
        Reason::DeadlineExceeded => {
            Some("`get` shows whether it took effect; repeat the command if it did not")
        }
        Reason::Internal => Some("a fault of ours; the service's log has the request id"),
        Reason::SessionEnded => Some("log in again"),
        Reason::Unspecified | Reason::IamRefused | Reason::InUse | Reason::MappingGuarded => None,
    }
}
