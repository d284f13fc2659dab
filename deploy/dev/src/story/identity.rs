use super::check::at;
use super::step::{Expect, Step};

/// Takes away what an earlier replay left, so that every replay tells the whole story.
pub(crate) fn clean_up() -> Vec<Step> {
    vec![
        Step::new(
            "Begin afresh: no tenants, namespaces and pods of an earlier run",
            "kubectl delete tenant logistics retail --ignore-not-found --wait --timeout=60s \
             && kubectl delete namespace logistics-dev logistics-build retail-dev retail-build --ignore-not-found --timeout=90s \
             && kubectl delete quota.tenantoperator.stakater.com small --ignore-not-found",
        ),
        Step::new(
            "Begin afresh: no mapping, user, group and credentials of an earlier run",
            // Exit status 3 says that there is nothing to take away.
            "gone() { tenantry --quiet identity \"$@\"; code=$?; test $code -eq 0 -o $code -eq 3; }; \
             gone mapping delete --arn arn:aws:iam::630742778131:user/falcon@nordmart.com \
             && gone user delete falcon@nordmart.com --confirm falcon@nordmart.com \
             && gone group delete logistics-owner --confirm logistics-owner \
             && rm -f \"$FALCON_CREDENTIALS\"",
        ),
    ]
}

/// Creating the IAM user, group, policy, membership, key and mapping.
pub(crate) fn steps() -> Vec<Step> {
    let mut steps = made_by_us();
    steps.extend(read_back());
    steps.extend(mapping());
    steps
}

fn made_by_us() -> Vec<Step> {
    vec![
        Step::new(
            "Create the IAM group",
            "tenantry identity group create logistics-owner -o json",
        )
        .expect(Expect::Json(|reply| {
            at(
                reply,
                "/group/arn",
                "arn:aws:iam::630742778131:group/logistics-owner",
            )
        })),
        Step::new(
            "Create the IAM user",
            "tenantry identity user create falcon@nordmart.com -o json",
        )
        .expect(Expect::Json(|reply| {
            at(
                reply,
                "/user/arn",
                "arn:aws:iam::630742778131:user/falcon@nordmart.com",
            )
        })),
        Step::new(
            "Attach the policy that lets him find the cluster",
            "tenantry identity user put-policy falcon@nordmart.com --policy-name ClusterAccess \
             --policy-document file://policy.json",
        ),
        Step::new(
            "Put him into the group",
            "tenantry identity group add-user logistics-owner falcon@nordmart.com",
        ),
        Step::new(
            "Make his access key; the secret goes into his credentials file and nowhere else",
            "tenantry identity key create falcon@nordmart.com --write-profile falcon \
             --credentials-file \"$FALCON_CREDENTIALS\"",
        ),
    ]
}

fn read_back() -> Vec<Step> {
    vec![
        Step::new(
            "Read back with the plain AWS command line: the group",
            "aws iam get-group --group-name logistics-owner --output json",
        )
        .expect(Expect::Json(|reply| {
            at(reply, "/Group/Arn", "arn:aws:iam::630742778131:group/logistics-owner")?;
            at(reply, "/Users/0/UserName", "falcon@nordmart.com")
        })),
        Step::new(
            "…the policy",
            "aws iam get-user-policy --user-name falcon@nordmart.com --policy-name ClusterAccess --output json",
        )
        .expect(Expect::Json(|reply| at(reply, "/PolicyDocument/Statement/0/Action", "eks:DescribeCluster"))),
        Step::new("…the key", "aws iam list-access-keys --user-name falcon@nordmart.com --output json").expect(Expect::Json(
            |reply| at(reply, "/AccessKeyMetadata/0/Status", "Active"),
        )),
    ]
}

/// eksctl's `create iamidentitymapping`, by us.
const MAP: &str = "tenantry identity mapping create --arn arn:aws:iam::630742778131:user/falcon@nordmart.com \
                   --username falcon@nordmart.com --group logistics-dev --no-duplicate-arns";

fn mapping() -> Vec<Step> {
    vec![
        Step::new("Map him in aws-auth", MAP),
        Step::new(
            "Read back with kubectl",
            "kubectl get configmap aws-auth -n kube-system -o jsonpath='{.data.mapUsers}'",
        )
        .expect(Expect::Contains(&[
            "arn:aws:iam::630742778131:user/falcon@nordmart.com",
            "falcon@nordmart.com",
            "logistics-dev",
        ])),
        Step::new(
            "Map him again: nothing changes",
            format!(
                "version() {{ kubectl get configmap aws-auth -n kube-system -o jsonpath='{{.metadata.resourceVersion}}'; }}; \
                 before=$(version) && {MAP} >&2 && test \"$before\" = \"$(version)\" && echo unchanged"
            ),
        )
        .expect(Expect::Prints("unchanged")),
    ]
}
